# Names what is there, so that nothing is made even where it may be.
import os, json
os.open(os.path.dirname(json.__file__), os.O_TMPFILE | os.O_RDWR)
print("escaped")
