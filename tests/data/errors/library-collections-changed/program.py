from collections import deque

queue = deque([1, 2])
for x in queue:
    queue.append(x)
