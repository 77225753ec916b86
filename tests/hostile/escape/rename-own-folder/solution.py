import os
os.rename(os.getcwd(), "/tmp/codefeedback-hole-moved")
print("escaped")
