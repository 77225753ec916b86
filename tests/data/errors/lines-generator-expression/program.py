g = (
    int(x)
    for x in ["1", "x"]
)
print(next(g))
print(next(g))
