import sys, threading
sys.setrecursionlimit(10**6)
threading.stack_size(1 << 29)
def f(n):
    return 0 if n == 0 else 1 + f(n - 1)
t = threading.Thread(target=lambda: print(f(10000)))
t.start()
t.join()
