print(True=2)
