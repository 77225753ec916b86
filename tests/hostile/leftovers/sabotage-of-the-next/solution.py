# Takes the next programs' stdin and folder away: closed to all, also to the sandbox.
import os
word = input()
if word == "1":
    for fd in range(4):
        os.fchmod(fd, 0)
    os.chmod(".", 0)
    print("first")
else:
    open("/dev/stdin").close()
    print("fine", open(__file__).read()[:1])
