print(f"{1!}")
