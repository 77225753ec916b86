import os
if input() == '1':
    try:
        open('./note-of-a-program', 'w').write('x')
        os.mkdir('./notes-of-a-program')
    except OSError:
        pass
    print('first')
else:
    try:
        found = os.path.exists('./note-of-a-program') or os.path.exists('./notes-of-a-program')
    except OSError:
        found = False
    print('leaked' if found else 'clean')
