x = 1
y = '''one
two
'''
z = x.missing
