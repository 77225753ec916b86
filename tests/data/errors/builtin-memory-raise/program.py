raise MemoryError("mine")
