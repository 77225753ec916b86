x = {
    [n]
    for n in [1]
}
