n = int(input())
print(n if n < 11 else 0)
