for i in [1]:
    class A:
        continue
