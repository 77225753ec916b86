import sys
sys.left = getattr(sys, "left", 0) + 1
def f(x):
    return sys.left
if __name__ == "__main__":
    print(sys.left)
