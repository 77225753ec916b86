"""A text
over lines."""
x = (1,
     2,
     3
y = 1
