def first(items):
    return items[0]


result = first([
    "a",
    "b",

def second(items):
    return items[1]


print(second("ab"))
