import array, bisect, heapq, itertools, operator
def sieve(n):
    flags = bytearray([1]) * (n + 1)
    flags[0:2] = b"\0\0"
    for i in range(2, int(n ** 0.5) + 1):
        if flags[i]:
            flags[i * i :: i] = bytes(len(range(i * i, n + 1, i)))
    return list(itertools.compress(range(n + 1), flags))
primes = array.array("i", sieve(int(input())))
heap = list(primes)
heapq.heapify(heap)
print(len(primes), bisect.bisect(primes, 100), heapq.nlargest(2, heap), operator.itemgetter(-1)(primes))
