f = lambda x: (
    x
    + 1
    + "a"
)
f(1)
