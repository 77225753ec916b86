x = 3
while (
    x
    > "a"
):
    x -= 1
