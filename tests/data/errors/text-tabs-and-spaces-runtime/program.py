if 1:
	x = 1
	if x:
	    x.missing
