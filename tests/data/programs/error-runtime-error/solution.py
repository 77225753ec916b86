raise RuntimeError('state')
