def f(x):
    return "\ud83d" + "\ude00" + "\udcff\x00"
