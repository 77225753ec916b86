import math
x = math.
print(x)
