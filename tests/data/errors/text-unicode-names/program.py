größe = 3
数 = 4
print(größe + 数 + ñ)
