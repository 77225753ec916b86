import os
if input() == '1':
    os.environ['LEFT'] = os.environ['PYTHONSTARTUP'] = 'x'
    os.putenv('LEFT2', 'x')
    print('first')
else:
    print('leaked' if 'LEFT' in os.environ or os.getenv('LEFT2') else 'clean')
