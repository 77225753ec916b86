import sys
if input() == '1':
    sys.modules['leaked'] = sys
    sys.path.append('leaked')
    print('first')
else:
    print('leaked' if 'leaked' in sys.modules or 'leaked' in sys.path else 'clean')
