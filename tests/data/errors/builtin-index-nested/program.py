grid = [
    [1, 2],
    [3, 4],
]
for row in range(3):
    for column in range(2):
        print(grid[row][column])
