import json, sys
n = getattr(json, "n", 0)
json.n = n + 1
def f(x):
    return json.n
