import os
if input() == '1':
    os.makedirs(os.path.expanduser('~/.config/x'))
    print('first')
else:
    print('leaked' if os.path.exists(os.path.expanduser('~/.config/x')) else 'clean')
