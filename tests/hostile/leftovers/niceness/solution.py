import os
if input() == '1':
    os.nice(7)
    print('first')
else:
    # In containers, programs have the lowest priority from the start.
    print('leaked' if os.nice(0) not in (0, 19) else 'clean')
