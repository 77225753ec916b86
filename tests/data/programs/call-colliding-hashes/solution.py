def f():
    return {k * (2**61 - 1) for k in range(5000)}
