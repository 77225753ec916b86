import os
open("mine", "w").close()
os.rename("mine", "/tmp/codefeedback-hole-renamed")
print("escaped")
