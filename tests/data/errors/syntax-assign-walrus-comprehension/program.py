print([i := 0 for i in [1]])
