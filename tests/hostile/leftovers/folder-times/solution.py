import os
if input() == '1':
    os.utime('.', (1, 1))
    print('first')
else:
    print('leaked' if os.stat('.').st_atime == 1 else 'clean')
