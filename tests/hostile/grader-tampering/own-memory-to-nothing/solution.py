import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))
resource.setrlimit(resource.RLIMIT_DATA, (1 << 12, 1 << 12))
def f(x):
    return list(range(100_000))
