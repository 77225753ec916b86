getattr(3, "missing")
