# grün
y = 2
