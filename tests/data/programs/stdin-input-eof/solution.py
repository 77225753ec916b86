t = 0
while True:
    try:
        t += int(input())
    except EOFError:
        break
print(t)
