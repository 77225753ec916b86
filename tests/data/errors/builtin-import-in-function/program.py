def f():
    import no_such_module.inner
    return 1


f()
