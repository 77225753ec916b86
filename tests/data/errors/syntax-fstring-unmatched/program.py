print(f"{1)}")
