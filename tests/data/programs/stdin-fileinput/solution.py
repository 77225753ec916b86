import fileinput
print(sum(int(line) for line in fileinput.input()))
