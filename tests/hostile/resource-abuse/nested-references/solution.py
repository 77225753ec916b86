# A billion laughs: 30 small lists, 2 ** 30 words as text.
x = ["ha"]
for _ in range(30):
    x = [x, x]
print(len(str(x)))
