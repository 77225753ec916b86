import ctypes
if input() == '1':
    at = id(257 - 1) + 24
    ctypes.c_uint32.from_address(at).value = 77
    print('first')
else:
    print('leaked' if int('256') == 77 else 'clean')
