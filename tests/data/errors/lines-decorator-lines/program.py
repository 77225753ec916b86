def maker(*_):
    return 3


@maker(
    1,
    2,
)
def f():
    return 1
