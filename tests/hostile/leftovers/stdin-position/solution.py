import os
if input() == '1':
    os.lseek(0, 0, 0)
    os.dup2(1, 0)
    print('first')
else:
    print('leaked' if not os.isatty(0) and os.lseek(0, 0, 1) not in (2, 0) else 'clean')
