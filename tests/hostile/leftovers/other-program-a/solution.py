# Leaves a note for the next program, and looks for one of another.
import builtins, glob, json, os, sys
found = [name for name in ("left_a", "left_b") if hasattr(builtins, name) or hasattr(json, name)]
found += [path for path in glob.glob("/tmp/codefeedback-hole-program-*") + glob.glob("../codefeedback-hole-program-*")]
builtins.left_a = json.left_a = 1
for folder in ("/tmp", "/dev/shm", ".."):
    try:
        open(folder + "/codefeedback-hole-program-a", "w").close()
    except OSError:
        pass
print("leaked" if found else "clean")
