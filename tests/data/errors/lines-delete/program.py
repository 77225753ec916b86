x = {}
del (
    x["a"],
    x["b"],
)
