open("/dev/shm/codefeedback-hole-shm", "w").write("x")
print("no answer")
