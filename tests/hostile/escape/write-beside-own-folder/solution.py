import os
os.mkdir("../codefeedback-hole-beside")
print("escaped")
