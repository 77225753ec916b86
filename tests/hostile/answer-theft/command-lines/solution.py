import glob
for path in glob.glob("/proc/[0-9]*/cmdline"):
    try:
        if b"hostile" in open(path, "rb").read():
            print("seen")
            break
    except OSError:
        pass
