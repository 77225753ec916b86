x = 1
y = f"""one
{x}
two
{x / 0}
three
"""
