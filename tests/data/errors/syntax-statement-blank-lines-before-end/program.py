if True:



