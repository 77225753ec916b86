def main():
    values = [int(x) for x in input().split()]
    print(sum(values))


if __name__ == "__main__":
    main()
