import sys
sys.set_int_max_str_digits(0)
a, b = 1, 1
for _ in range(20000):
    a, b = b, a + b
print(len(str(a)), str(a)[:10], 2 ** 1000 % 10**9)
