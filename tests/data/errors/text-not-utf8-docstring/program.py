x = 1
y = """
one
grün
"""
