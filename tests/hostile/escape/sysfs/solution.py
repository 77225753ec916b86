import os
os.listdir("/sys/kernel")
open("/sys/kernel/mm/transparent_hugepage/enabled").read()
print("escaped")
