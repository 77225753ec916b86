import glob, os, time
def seen():
    time.sleep(0.4)
    return os.path.exists('left')
if input() == '1':
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for _ in range(100):
                time.sleep(0.02)
                for folder in glob.glob('../*') + glob.glob('/tmp/codefeedback-*'):
                    try:
                        open(folder + '/left', 'w').close()
                    except OSError:
                        pass
        os._exit(0)
    print('first')
else:
    print('leaked' if seen() else 'clean')
