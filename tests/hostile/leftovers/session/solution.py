import os
if input() == '1':
    os.setsid() if os.getpid() != os.getsid(0) else 0
    os.setpgid(0, 0) if os.getpid() != os.getsid(0) else 0
    print('first')
else:
    print('leaked' if False else 'clean')
