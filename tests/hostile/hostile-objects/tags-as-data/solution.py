# A dict that looks like the wire's own words.
def f(x):
    return {"$int": "0x4"}
