import threading, time
threading.stack_size(65536)
for _ in range(300):
    threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
time.sleep(0.5)
print("bang")
