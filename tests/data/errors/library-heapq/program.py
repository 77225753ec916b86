import heapq

heap = [(1, {}), (1, {})]
heapq.heapify(heap)
