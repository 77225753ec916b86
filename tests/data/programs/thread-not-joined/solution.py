import threading, time
def work():
    time.sleep(0.1)
    print('done')
threading.Thread(target=work).start()
