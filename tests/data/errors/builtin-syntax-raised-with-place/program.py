raise SyntaxError("mine", ("other.py", 7, 1, "text"))
