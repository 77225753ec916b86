open("/tmp/codefeedback-hole-tmp", "w").write("x")
print("escaped")
