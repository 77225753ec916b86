values = [
    int(word)
    for word in input().split()
]
