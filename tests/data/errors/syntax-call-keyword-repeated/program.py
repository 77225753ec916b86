print("a", end="", end="b")
