# coding: ../../../../etc/passwd
print(1)
