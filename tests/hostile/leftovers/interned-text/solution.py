import ctypes, sys
if input() == '1':
    ctypes.memmove(id('codefeedback') + 48, b'c', 1)
    sys.intern('leaked-word')
    print('first')
else:
    print('leaked' if False else 'clean')
