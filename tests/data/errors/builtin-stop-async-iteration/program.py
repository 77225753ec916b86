raise StopAsyncIteration(1)
