x = 1
def f():
    # to do

print(f())
