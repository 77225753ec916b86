max([1, 2], key=len)
