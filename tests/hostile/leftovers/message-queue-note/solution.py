import os
if input() == '1':
    try:
        open('/dev/mqueue/note-of-a-program', 'w').write('x')
        os.mkdir('/dev/mqueue/notes-of-a-program')
    except OSError:
        pass
    print('first')
else:
    try:
        found = os.path.exists('/dev/mqueue/note-of-a-program') or os.path.exists('/dev/mqueue/notes-of-a-program')
    except OSError:
        found = False
    print('leaked' if found else 'clean')
