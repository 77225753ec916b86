import os
if input() == '1':
    open('note', 'w').write('x')
    print('first')
else:
    print('leaked' if os.path.exists('note') else 'clean')
