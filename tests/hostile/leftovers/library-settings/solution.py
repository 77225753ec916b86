import decimal, locale, logging, random, signal, warnings
if input() == '1':
    decimal.getcontext().prec = 7
    decimal.DefaultContext.prec = 7
    warnings.simplefilter('error')
    locale.setlocale(locale.LC_ALL, 'C')
    logging.disable(50)
    random.seed(5)
    signal.signal(signal.SIGUSR1, lambda *rest: 0)
    print('first')
else:
    print('leaked' if decimal.getcontext().prec == 7 or logging.root.manager.disable == 50 or random.random() == random.Random(5).random() or callable(signal.getsignal(signal.SIGUSR1)) and signal.getsignal(signal.SIGUSR1) not in (signal.SIG_DFL, signal.SIG_IGN) else 'clean')
