def f():
print(f())
