import json, os, sys
if input() == '1':
    json.leaked = os.leaked = sys.leaked = 1
    print('first')
else:
    print('leaked' if hasattr(json, 'leaked') or hasattr(os, 'leaked') or hasattr(sys, 'leaked') else 'clean')
