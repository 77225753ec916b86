def f():
    try:
        yield 1
        yield 2
    finally:
        print("end")


g = f()
next(g)
g.throw(ValueError("thrown"))
