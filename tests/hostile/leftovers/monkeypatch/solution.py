import json, os
if input() == '1':
    json.dumps = lambda *rest: 'leaked'
    os.getpid = lambda: -7
    print('first')
else:
    print('leaked' if json.dumps(1) == 'leaked' or os.getpid() == -7 else 'clean')
