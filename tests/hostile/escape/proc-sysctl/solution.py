open("/proc/sys/kernel/core_pattern", "r+")
print("escaped")
