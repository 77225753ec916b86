import os
PLACES = ['/tmp', '/var/tmp', '/dev/shm', '/run', '/run/lock', '/var/lock', '..', '/mnt', '/srv', os.path.dirname(os.getcwd())]
if input() == '1':
    for folder in PLACES:
        try:
            open(folder + '/codefeedback-hole-left', 'w').close()
        except OSError:
            pass
    print('first')
else:
    print('leaked' if any(os.path.exists(folder + '/codefeedback-hole-left') for folder in PLACES) else 'clean')
