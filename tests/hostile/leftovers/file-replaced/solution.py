if input() == '1':
    open(__file__, 'w').write('print("leaked")')
    print('first')
else:
    print('leaked' if False else 'clean')
