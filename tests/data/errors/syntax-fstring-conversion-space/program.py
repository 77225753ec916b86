print(f"{1! r}")
