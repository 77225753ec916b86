import os
if input() == '1':
    try:
        open('/run/note-of-a-program', 'w').write('x')
        os.mkdir('/run/notes-of-a-program')
    except OSError:
        pass
    print('first')
else:
    try:
        found = os.path.exists('/run/note-of-a-program') or os.path.exists('/run/notes-of-a-program')
    except OSError:
        found = False
    print('leaked' if found else 'clean')
