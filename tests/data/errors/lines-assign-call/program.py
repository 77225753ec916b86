def f():
    raise ValueError("f")


x = y = (
    f()
)
