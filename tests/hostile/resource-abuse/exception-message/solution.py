raise ValueError("x" * (5 << 20))
