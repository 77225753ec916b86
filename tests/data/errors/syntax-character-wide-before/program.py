名前 = "世界"; print(名前
print(1)
