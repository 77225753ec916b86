print(sum(map(int, open('/dev/stdin'))))
