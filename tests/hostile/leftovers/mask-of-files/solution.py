import os
if input() == '1':
    os.umask(0o777)
    print('first')
else:
    print('leaked' if os.umask(0) == 0o777 else 'clean')
