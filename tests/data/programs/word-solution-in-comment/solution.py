# class Solution: pytest unittest import os
print(sum(map(int, input().split())))
