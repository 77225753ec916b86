"""The reducers."""

from __future__ import annotations

from parts import LOOP, SHORT, Code, Reducer, both, row

EXTREME = "m = a[0]\nfor x in a:\n    if x {sign} m:\n        m = x\nprint(m)"


def extreme(sign: str) -> dict[str, Code]:
    loop = EXTREME.replace("{sign}", sign)
    name = "max" if sign == ">" else "min"
    return {
        LOOP: Code(loop, loop.replace("m = a[0]", "m = 0")),
        SHORT: Code(f"print({name}(a))"),
    }


def counting(body: str) -> Code:
    loop = f"for x in a:\n    {body}\nprint(t)"
    return Code(f"t = 0\n{loop}", loop)


REDUCERS = (
    Reducer(
        "sum",
        ("Print the sum.", "Print the total."),
        {LOOP: counting("t += x"), SHORT: Code("print(sum(a))")},
        lambda a: str(sum(a)),
        empty_allowed=True,
    ),
    Reducer(
        "count",
        ("Print how many numbers there are.", "Print the length of the list."),
        {LOOP: counting("t += 1"), SHORT: Code("print(len(a))")},
        lambda a: str(len(a)),
        empty_allowed=True,
    ),
    Reducer(
        "max",
        ("Print the largest number.", "Print the maximum."),
        extreme(">"),
        lambda a: str(max(a)),
    ),
    Reducer(
        "min",
        ("Print the smallest number.", "Print the minimum."),
        extreme("<"),
        lambda a: str(min(a)),
    ),
    Reducer(
        "range",
        ("Print the largest minus the smallest number.",),
        both("print(max(a) - min(a))"),
        lambda a: str(max(a) - min(a)),
    ),
    Reducer(
        "last",
        ("Print the last number.",),
        both("print(a[-1])", "print(a[len(a)])"),
        lambda a: str(a[-1]),
    ),
    Reducer(
        "first",
        ("Print the first number.",),
        both("print(a[0])"),
        lambda a: str(a[0]),
    ),
    Reducer(
        "distinct",
        ("Print how many different numbers there are.",),
        {
            LOOP: Code("s = set()\nfor x in a:\n    s.add(x)\nprint(len(s))"),
            SHORT: Code("print(len(set(a)))"),
        },
        lambda a: str(len(set(a))),
        empty_allowed=True,
    ),
    Reducer(
        "avg",
        ("Print the average, rounded down.",),
        both("print(sum(a) // len(a))", "print(sum(a) / len(a))"),
        lambda a: str(sum(a) // len(a)),
    ),
    Reducer(
        "list",
        ("Print the list.", "Print the numbers on one line."),
        both("print(*a)", "print(a)"),
        row,
    ),
    Reducer(
        "desc",
        ("Print the numbers in descending order.", "Print them from largest to smallest."),
        {
            LOOP: Code("a.sort(reverse=True)\nprint(*a)", "a.sort()\nprint(*a)"),
            SHORT: Code("print(*sorted(a, reverse=True))", "print(*sorted(a))"),
        },
        lambda a: row(sorted(a, reverse=True)),
    ),
)
