def f():
    yield 1
    yield (
        2
        / 0
    )


for x in f():
    print(x)
