table = {"a": 1, "b": 2
print(table)
for key in table:
    print(key)
