import unicodedata
word = input()
print(word[::-1], len(word), unicodedata.normalize("NFD", "é").encode("utf-8"), "ß".upper(), "\N{SNOWMAN}")
ｐｒｉｎｔ("full width")
größe = 3
print(größe)
