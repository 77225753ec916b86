import bisect

bisect.insort([1, 2], "a")
