import os
if input() == '1':
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    print('first')
else:
    print('leaked' if os.sched_getscheduler(0) == os.SCHED_BATCH else 'clean')
