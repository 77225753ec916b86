print(1)
# â‚