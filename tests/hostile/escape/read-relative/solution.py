open("../" * 20 + "etc/passwd").read()
print("escaped")
