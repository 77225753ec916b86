x = {"a": 1}
if x["a"] = 1:
    print(x)
