def wrong(cls):
    return cls.missing


@wrong
class A:
    x = 1
    y = 2
