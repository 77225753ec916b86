pass 3
