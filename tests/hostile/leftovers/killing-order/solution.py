import os
if input() == '1':
    try:
        open('/proc/1/oom_score_adj', 'w').write('1000')
    except OSError:
        pass
    print('first')
else:
    try:
        found = open('/proc/1/oom_score_adj').read() == '1000\n'
    except OSError:
        found = False
    print('leaked' if found else 'clean')
