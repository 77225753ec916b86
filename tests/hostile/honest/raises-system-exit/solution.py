for word in open(0).read().split():
    if word == "3":
        print("found")
        raise SystemExit
print("not found")
