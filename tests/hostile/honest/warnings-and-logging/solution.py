import logging, sys, traceback, warnings
logging.basicConfig(level=logging.DEBUG)
logging.getLogger("x").error("on stderr")
warnings.warn("old", DeprecationWarning)
x = 1 is 1
try:
    1 / 0
except ZeroDivisionError:
    traceback.print_exc()
print("fine")
