open("x", "q")
