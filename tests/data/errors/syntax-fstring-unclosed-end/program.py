print(f"{1
