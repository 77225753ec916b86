import os
if input() == '1':
    os.chmod('.', 0o1750)
    print('first')
else:
    print('leaked' if os.stat('.').st_mode & 0o7777 == 0o1750 else 'clean')
