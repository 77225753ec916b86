# What the interpreter asks of a module while it goes down.
import sys
class Loader:
    def get_source(self, name):
        sys.exit(0)
    def __del__(self):
        import os
        os._exit(0)
__loader__ = Loader()
__spec__ = Loader()
__file__ = Loader()
__name__ = ["__main__"]
raise ValueError(1)
