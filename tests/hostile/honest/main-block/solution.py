def main():
    print(sum(map(int, open(0).read().split())))
if __name__ == "__main__":
    main()
