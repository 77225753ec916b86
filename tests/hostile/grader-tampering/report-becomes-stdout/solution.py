import os
print(730, flush=True)
for fd in range(3, 64):
    try:
        os.dup2(fd, 1)
        os.write(fd, b"731\n" * 3)
    except OSError:
        pass
print(731)
