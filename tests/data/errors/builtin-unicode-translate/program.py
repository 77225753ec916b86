raise UnicodeTranslateError("é", 0, 1, "no")
