def f(
    a: int,
    b: undefined_type,
) -> int:
    return a


f(1, 2)
