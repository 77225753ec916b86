import os, sys
os.execv(sys.executable, [sys.executable, "-S", "-I", __file__])
