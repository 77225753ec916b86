from collections import ChainMap

ChainMap({}, {})["a"]
