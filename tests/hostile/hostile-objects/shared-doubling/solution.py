# 40 lists that stand for 2 ** 40 leaves when written out.
def f(x):
    value = [0]
    for _ in range(40):
        value = [value, value]
    return value
