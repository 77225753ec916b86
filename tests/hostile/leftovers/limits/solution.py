import resource
if input() == '1':
    resource.setrlimit(resource.RLIMIT_NOFILE, (77, 77))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_STACK, (7 << 20, 7 << 20))
    print('first')
else:
    print('leaked' if resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 77 or resource.getrlimit(resource.RLIMIT_STACK)[0] == 7 << 20 else 'clean')
