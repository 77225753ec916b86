print(f"{a := 1:}", f"{:}")
