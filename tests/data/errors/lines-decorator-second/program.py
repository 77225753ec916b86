def good(function):
    return function


@good
@3
@good
def f():
    return 1
