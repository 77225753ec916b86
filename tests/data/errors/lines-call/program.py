def f(*values):
    return values


f(
    1,
    2,
    undefined_name,
    4,
)
