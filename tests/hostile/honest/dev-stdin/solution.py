with open("/dev/stdin") as file:
    print(sum(int(word) for line in file for word in line.split()))
