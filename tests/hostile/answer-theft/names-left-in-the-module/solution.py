hints = [name for name in list(globals()) if name not in ("__name__", "__cached__", "__file__", "__builtins__", "__loader__")]
for name in hints:
    if "918302" in repr(globals()[name])[:2000]:
        print("found")
print(len(hints))
