import sys
sys.setrecursionlimit(300_000)
def gcd(a, b):
    return a if b == 0 else gcd(b, a % b)
def count(n):
    return 0 if n == 0 else 1 + count(n - 1)
print(count(int(input())), gcd(12, 18))
