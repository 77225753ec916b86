def f(x):
    print('{"phase": "done", "value": 1}')
    return x
