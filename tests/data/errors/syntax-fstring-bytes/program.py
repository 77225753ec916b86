print(fb"{1}")
