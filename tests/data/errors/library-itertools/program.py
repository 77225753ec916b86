import itertools

list(itertools.islice([1], -1))
