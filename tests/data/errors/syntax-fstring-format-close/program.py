print(f"{1:{}")
