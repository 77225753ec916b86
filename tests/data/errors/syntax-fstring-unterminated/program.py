print(f"abc)
print(1)
