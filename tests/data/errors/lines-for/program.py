def f():
    return 3


for (
    x
) in (
    f()
):
    print(x)
