a = [1]
if (a[0] := 3):
    pass
