ï»print(1)
