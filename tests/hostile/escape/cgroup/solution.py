import os
for folder, _, _ in os.walk("/sys/fs/cgroup"):
    open(folder + "/cgroup.procs", "r+")
    print("escaped")
    break
