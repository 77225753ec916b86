import importlib, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
open("helper.py", "w").write("def double(x):\n    return 2 * x\n")
importlib.invalidate_caches()
from helper import double
print(double(int(input())))
