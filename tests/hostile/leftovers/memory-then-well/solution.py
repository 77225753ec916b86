word = input()
kept = bytearray(b"x") * (200 << 20 if word == "1" else 1)
print(len(kept))
