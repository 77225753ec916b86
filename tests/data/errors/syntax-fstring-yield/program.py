print(f"{yield}")
