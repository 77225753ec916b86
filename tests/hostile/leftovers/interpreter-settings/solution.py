import gc, sys, threading
if input() == '1':
    sys.setrecursionlimit(4321)
    sys.setswitchinterval(0.123)
    gc.disable()
    threading.stack_size(1 << 20)
    sys.set_int_max_str_digits(9999)
    print('first')
else:
    print('leaked' if sys.getrecursionlimit() > 4000 or not gc.isenabled() or threading.stack_size() or sys.get_int_max_str_digits() == 9999 or abs(sys.getswitchinterval() - 0.123) < 0.001 else 'clean')
