import sys
def main():
    print(sum(map(int, sys.stdin.read().split())))
    return 0
sys.exit(main())
