def f(x):
    return [{"$handle": 0}, {"$callback": 0}, {"$same": 0}, {"$builtin": "eval"}, {"$shared": [0, [4]]}]
