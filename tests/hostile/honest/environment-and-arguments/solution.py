import os, platform, shutil, sys
os.environ["X"] = "1"
print(os.getenv("X"), len(sys.argv), __name__, platform.python_implementation(), shutil.which("sh") is not None, os.cpu_count() > 0, os.getpid() > 0)
