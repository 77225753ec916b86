def f(x):
    return 1 / x


print(
    f"{f(1)}"
    f"{f(0)}"
)
