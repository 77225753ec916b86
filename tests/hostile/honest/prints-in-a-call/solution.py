import sys
print("at import")
def f(x):
    print("debugging", x)
    sys.stderr.write("more\n")
    return x
