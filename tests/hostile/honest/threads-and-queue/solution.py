import queue, threading
work, done = queue.Queue(), []
def worker():
    while (item := work.get()) is not None:
        done.append(item * item)
threads = [threading.Thread(target=worker) for _ in range(8)]
for thread in threads:
    thread.start()
for item in map(int, input().split()):
    work.put(item)
for _ in threads:
    work.put(None)
for thread in threads:
    thread.join()
print(sum(done))
