# 200 MB in files that are each within the limit.
for number in range(40):
    with open("part%d" % number, "wb") as file:
        file.write(bytes(5 << 20))
print("no answer")
