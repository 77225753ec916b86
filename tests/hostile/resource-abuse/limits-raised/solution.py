import resource
for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_CPU):
    soft, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY:
        print("no limit")
    resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print("raised")
