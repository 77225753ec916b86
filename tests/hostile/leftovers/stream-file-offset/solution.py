import os
if input() == '1':
    os.lseek(1, 500, 0)
    os.lseek(2, 1 << 20, 0)
    os.lseek(1, 0, 0)
    print('first')
else:
    print('leaked' if os.lseek(2, 0, 1) else 'clean')
