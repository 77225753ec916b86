import os
os.mkfifo("/dev/shm/codefeedback-hole-fifo")
print("no answer")
