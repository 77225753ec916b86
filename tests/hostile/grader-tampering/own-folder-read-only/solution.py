import os
os.mkdir("inner")
open("inner/file", "w").close()
os.chmod("inner", 0o500)
os.chmod(".", 0o500)
def f(x):
    return 0
