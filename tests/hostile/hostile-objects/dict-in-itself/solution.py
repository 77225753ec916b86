def f(x):
    value = {}
    value["self"] = {"again": [value, (value,)]}
    return value
