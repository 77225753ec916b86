import os
while True:
    os.sched_yield()
