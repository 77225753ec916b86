raise MemoryError('mine')
