total = 1_000_
