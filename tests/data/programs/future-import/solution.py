"""doc"""
from __future__ import annotations
def f(x: Undefined) -> int:
    return x
print(f(3))
