import os
if input() == '1':
    os.chdir('/')
    print('first')
else:
    print('leaked' if os.getcwd() == '/' else 'clean')
