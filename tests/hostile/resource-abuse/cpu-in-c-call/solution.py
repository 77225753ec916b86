# One call into C that looks at no signal.
print(sum(range(10**13)))
