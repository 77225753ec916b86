x = object()
x.import = 1
