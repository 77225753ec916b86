x = 5.foo()
