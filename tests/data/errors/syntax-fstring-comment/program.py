print(f"{1 # one}")
