import os
os.mkdir("/var/tmp/codefeedback-hole-folder")
print("escaped")
