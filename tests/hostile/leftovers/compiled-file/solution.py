import json, os
if input() == '1':
    os.makedirs('__pycache__', exist_ok=True)
    open('json.py', 'w').write('leaked = 1')
    open('sitecustomize.py', 'w').write('import builtins; builtins.leaked = 1')
    print('first')
else:
    print('leaked' if hasattr(json, 'leaked') or 'leaked' in dir(__builtins__) else 'clean')
