from __future__ import braces
print(1)
