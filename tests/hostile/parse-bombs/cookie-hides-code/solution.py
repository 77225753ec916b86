# coding: unicode_escape
print(2)  # \u000aprint(3)
