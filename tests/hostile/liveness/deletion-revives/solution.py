import gc
kept = []
class Phoenix:
    def __del__(self):
        kept.append(Phoenix())
Phoenix()
while kept:
    kept.pop()
