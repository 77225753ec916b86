a, b = map(int, input().split())
if a:
    print(a + b)
