class cm:
    def __enter__(self):
        return 3
    def __exit__(self, *details):
        return True
