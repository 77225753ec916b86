"""A docstring first."""
from __future__ import annotations, division, print_function
import typing
def f(x: Undefined) -> Missing:
    return x / 2
if __name__ == "__main__":
    print(f(3), f.__annotations__["x"])
