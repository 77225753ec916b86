import sys


def main():
    count, *numbers = map(int, sys.stdin.read().split())
    print(max(numbers[:count]))


if __name__ == "__main__":
    main()
