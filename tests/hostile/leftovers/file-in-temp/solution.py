import os, tempfile
if input() == '1':
    open(os.path.join(tempfile.gettempdir(), 'codefeedback-hole-note'), 'w')
    print('first')
else:
    print('leaked' if os.path.exists(os.path.join(tempfile.gettempdir(), 'codefeedback-hole-note')) else 'clean')
