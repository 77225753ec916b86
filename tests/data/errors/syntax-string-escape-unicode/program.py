a = 1
path = "C:\Users\me"
