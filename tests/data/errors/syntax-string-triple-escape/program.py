a = """one
two
\x1
three
"""
