ﬁx = 1
print(fix)
print(ﬁx.missing)
