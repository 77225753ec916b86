open("/etc/passwd").read()
print("escaped")
