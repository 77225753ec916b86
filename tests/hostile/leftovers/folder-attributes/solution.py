import os
PLACES = ['.', os.environ.get('TMPDIR', '.'), os.path.expanduser('~')]
if input() == '1':
    for folder in PLACES:
        try:
            os.setxattr(folder, 'user.left', b'x')
        except OSError:
            pass
    print('first')
else:
    print('leaked' if any(os.path.isdir(folder) and 'user.left' in os.listxattr(folder) for folder in PLACES) else 'clean')
