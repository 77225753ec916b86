import builtins, os, sys
if input() == '1':
    folder = os.path.expanduser('~/.local/lib/python%d.%d/site-packages' % sys.version_info[:2])
    os.makedirs(folder)
    open(folder + '/usercustomize.py', 'w').write('import builtins; builtins.leaked = 1')
    print('first')
else:
    print('leaked' if hasattr(builtins, 'leaked') else 'clean')
