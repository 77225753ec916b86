def solve(n):
    for i i
