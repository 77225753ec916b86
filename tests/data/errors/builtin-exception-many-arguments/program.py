raise Exception(1, "two", None)
