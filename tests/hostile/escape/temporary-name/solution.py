import os
fd = os.open("/tmp", os.O_TMPFILE | os.O_RDWR)
print("escaped")
