print(open("answer.txt").read())
