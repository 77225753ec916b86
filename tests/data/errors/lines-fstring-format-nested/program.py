x = 3
y = f"{x:{x.missing}}"
