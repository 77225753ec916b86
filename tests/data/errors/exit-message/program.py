import sys

sys.exit("it is over")
