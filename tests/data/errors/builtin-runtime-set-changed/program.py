items = {1, 2}
for item in items:
    items.discard(item)
