import builtins
if input() == '1':
    builtins.leaked = 1
    builtins.print.__self__.left = 1
    print('first')
else:
    print('leaked' if hasattr(builtins, 'leaked') or hasattr(builtins, 'left') else 'clean')
