x = 1
# grün
y = 2
