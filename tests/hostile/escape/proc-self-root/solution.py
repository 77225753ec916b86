open("/proc/self/root/etc/passwd").read()
print("escaped")
