print(len(open(__file__).read().splitlines()))
