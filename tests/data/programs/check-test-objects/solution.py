def total(nodes):
    return sum(n.value for n in nodes)
