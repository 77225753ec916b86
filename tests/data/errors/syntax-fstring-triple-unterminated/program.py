a = 1
print(f"""abc {a}
print(1)
