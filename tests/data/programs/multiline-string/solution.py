s = '''a
if x:
	print(
  b'''
print(s)
