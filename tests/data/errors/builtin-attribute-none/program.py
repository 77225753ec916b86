def find(items):
    for item in items:
        if item == 5:
            return item


print(find([1]).value)
