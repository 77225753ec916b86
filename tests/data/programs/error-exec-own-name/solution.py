exec(compile('\n\n\n\n1/0', 'solution.py', 'exec'))
x = 2
y = 3
z = 4
w = 5
