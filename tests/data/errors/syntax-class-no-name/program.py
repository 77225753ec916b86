class (object):
    pass
