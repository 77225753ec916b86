scope = {}
exec(compile("def g(x):\n    return x * 2", "<made>", "exec"), scope)
print(eval("g(4) + y", scope, {"y": 1}), eval(input()))
