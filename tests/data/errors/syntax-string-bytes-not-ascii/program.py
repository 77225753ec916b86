a = 1
data = b"gr\xfcn" + b"grün"
