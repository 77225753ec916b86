raise RuntimeError("state")
