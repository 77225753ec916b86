def f():
	x = 1
	if x:
		return x / 0

f()
