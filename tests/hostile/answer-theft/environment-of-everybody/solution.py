import glob
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        if b"CODEFEEDBACK_CANARY=canary" in open(path, "rb").read():
            print("canary")
            break
    except OSError:
        pass
