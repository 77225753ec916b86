from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple
def f(words):
    groups = defaultdict(list)
    for word in words:
        groups[len(word)].append(word)
    return [dict(groups), Counter(words), deque([1, 2], maxlen=5), OrderedDict(a=1)]
