a = input()
