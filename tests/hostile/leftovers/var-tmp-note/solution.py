import os
if input() == '1':
    try:
        open('/var/tmp/note-of-a-program', 'w').write('x')
        os.mkdir('/var/tmp/notes-of-a-program')
    except OSError:
        pass
    print('first')
else:
    try:
        found = os.path.exists('/var/tmp/note-of-a-program') or os.path.exists('/var/tmp/notes-of-a-program')
    except OSError:
        found = False
    print('leaked' if found else 'clean')
