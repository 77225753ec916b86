print(100001)
