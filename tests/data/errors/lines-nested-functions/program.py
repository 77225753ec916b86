def a():
    def b():
        def c():
            return missing
        return c()
    return b()


a()
