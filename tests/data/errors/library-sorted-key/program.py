def key(item):
    return item["name"]


sorted(
    [{"name": 1}, {}],
    key=key,
)
