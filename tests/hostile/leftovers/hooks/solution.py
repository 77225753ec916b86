import atexit, gc, sys
if input() == '1':
    sys.settrace(lambda *rest: None)
    sys.excepthook = sys.displayhook = print
    atexit.register(print)
    gc.callbacks.append(len)
    print('first')
else:
    print('leaked' if sys.gettrace() or sys.excepthook is print or len in gc.callbacks or atexit._ncallbacks() > 5 else 'clean')
