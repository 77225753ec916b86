import operator

operator.itemgetter(3)([1])
