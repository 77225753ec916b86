import os
if input() == '1':
    os.nice(7)
    print('first')
else:
    print('leaked' if os.nice(0) >= 7 else 'clean')
