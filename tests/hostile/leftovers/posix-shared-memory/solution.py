import os
if input() == '1':
    try:
        open('/dev/shm/codefeedback-hole-psm', 'w').close()
    except OSError:
        pass
    print('first')
else:
    print('leaked' if os.path.exists('/dev/shm/codefeedback-hole-psm') else 'clean')
