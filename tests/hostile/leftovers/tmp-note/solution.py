import os
if input() == '1':
    try:
        open('/tmp/note-of-a-program', 'w').write('x')
        os.mkdir('/tmp/notes-of-a-program')
    except OSError:
        pass
    print('first')
else:
    try:
        found = os.path.exists('/tmp/note-of-a-program') or os.path.exists('/tmp/notes-of-a-program')
    except OSError:
        found = False
    print('leaked' if found else 'clean')
