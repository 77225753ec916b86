import sys


def largest(numbers):
    best = numbers[0]
    for i in range(len(numbers)):
        if numbers[i + 1] > best:  # one too far
            best = numbers[i + 1]
    return best


count, *rest = map(int, sys.stdin.read().split())
print(largest(rest[:count]))
