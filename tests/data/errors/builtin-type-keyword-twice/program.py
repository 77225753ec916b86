def f(**kwargs):
    pass


f(
    a=1,
    **{"a": 2}
)
