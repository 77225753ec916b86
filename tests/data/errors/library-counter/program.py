from collections import Counter

Counter(3)
