def solve(n):
    return max(
        n,
        abs(n - 1
