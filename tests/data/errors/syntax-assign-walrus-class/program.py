class A:
    x = [(y := 1) for _ in [1]]
