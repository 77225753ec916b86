for i in range(3):
    # nothing
print(1)
