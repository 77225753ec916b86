import sys
if input() == '1':
    leaked = 1
    sys.modules['__main__'].leaked = 1
    print('first')
else:
    print('leaked' if 'leaked' in globals() else 'clean')
