path = "C:\"
print(path)
