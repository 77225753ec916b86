text = "x = (1\ny"
compile(text, "other.py", "exec")
