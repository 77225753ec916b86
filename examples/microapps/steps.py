"""The steps: ten filters and ten maps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, pairwise

from parts import LOOP, SHORT, Code, Step


def keep(
    name: str,
    phrases: tuple[str, ...],
    test: Callable[[int, int], bool],
    right: str,
    wrong: str | None = None,
) -> Step:
    """A filter; `right` and `wrong` are the condition on `x`."""

    def loop(condition: str) -> str:
        return each(f"if {condition}:\n        b.append(x)")

    def short(condition: str) -> str:
        return f"a = [x for x in a if {condition}]"

    code = {
        LOOP: Code(loop(right), wrong and loop(wrong)),
        SHORT: Code(short(right), wrong and short(wrong)),
    }
    return Step(name, phrases, code, lambda a, c: [x for x in a if test(x, c)], may_empty=True)


def each(body: str, head: str = "for x in a:") -> str:
    # The copy: with `a = b`, a later loop that forgot `b = []` would feed on itself for ever.
    return f"b = []\n{head}\n    {body}\na = b[:]"


def change(
    name: str, phrases: tuple[str, ...], value: Callable[[int, int], int], expression: str
) -> Step:
    """A map; `expression` is in `x`."""
    code = {
        LOOP: Code(each(f"b.append({expression})")),
        SHORT: Code(f"a = [{expression} for x in a]"),
    }
    return Step(name, phrases, code, lambda a, c: [value(x, c) for x in a])


STEPS = (
    keep(
        "even",
        ("Keep the even numbers.", "Drop the odd numbers."),
        lambda x, c: x % 2 == 0,
        "x % 2 == 0",
    ),
    keep(
        "odd",
        ("Keep the odd numbers.", "Drop the even numbers."),
        lambda x, c: x % 2 == 1,
        "x % 2 == 1",
    ),
    keep(
        "gt",
        ("Keep the numbers greater than {c}.", "Keep what is above {c}."),
        lambda x, c: x > c,
        "x > {c}",
        "x >= {c}",
    ),
    keep(
        "ge",
        ("Keep the numbers that are at least {c}.", "Drop what is below {c}."),
        lambda x, c: x >= c,
        "x >= {c}",
        "x > {c}",
    ),
    keep(
        "lt",
        ("Keep the numbers less than {c}.", "Keep what is below {c}."),
        lambda x, c: x < c,
        "x < {c}",
        "x <= {c}",
    ),
    keep(
        "div",
        ("Keep the numbers divisible by {c}.", "Keep the multiples of {c}."),
        lambda x, c: x % c == 0,
        "x % {c} == 0",
    ),
    keep("pos", ("Keep the positive numbers.",), lambda x, c: x > 0, "x > 0"),
    keep("neg", ("Keep the negative numbers.",), lambda x, c: x < 0, "x < 0"),
    Step(
        "second",
        ("Keep every second number, starting with the first.",),
        {
            LOOP: Code(
                each("b.append(a[i])", "for i in range(0, len(a), 2):"),
                each("b.append(a[i])", "for i in range(0, len(a) + 1, 2):"),
            ),
            SHORT: Code("a = a[::2]", "a = a[1::2]"),
        },
        lambda a, c: a[::2],
    ),
    Step(
        "uniq",
        ("Drop repeated numbers.", "Keep only the first of equal numbers."),
        {
            LOOP: Code(each("if x not in b:\n        b.append(x)")),
            SHORT: Code("a = list(dict.fromkeys(a))"),
        },
        lambda a, c: list(dict.fromkeys(a)),
    ),
    change("sq", ("Square each number.",), lambda x, c: x * x, "x * x"),
    change(
        "add",
        ("Add {c} to each number.", "Increase each number by {c}."),
        lambda x, c: x + c,
        "x + {c}",
    ),
    change(
        "sub",
        ("Subtract {c} from each number.", "Decrease each number by {c}."),
        lambda x, c: x - c,
        "x - {c}",
    ),
    Step(
        "mul",
        ("Multiply each number by {c}.",),
        {
            LOOP: Code(each("b.append(x * {c})"), "for x in a:\n    b.append(x * {c})\na = b[:]"),
            SHORT: Code("a = [x * {c} for x in a]", "a = a * {c}"),
        },
        lambda a, c: [x * c for x in a],
    ),
    change(
        "abs",
        ("Replace each number by its absolute value.", "Drop the minus signs."),
        lambda x, c: abs(x),
        "abs(x)",
    ),
    change("mod", ("Take each number modulo {c}.",), lambda x, c: x % c, "x % {c}"),
    Step(
        "diff",
        ("Take the differences of neighbours (next minus current).",),
        {
            LOOP: Code(
                each("b.append(a[i + 1] - a[i])", "for i in range(len(a) - 1):"),
                each("b.append(a[i + 1] - a[i])", "for i in range(len(a)):"),
            ),
            SHORT: Code(
                "a = [a[i + 1] - a[i] for i in range(len(a) - 1)]",
                "a = [a[i + 1] - a[i] for i in range(len(a))]",
            ),
        },
        lambda a, c: [y - x for x, y in pairwise(a)],
        may_empty=True,
    ),
    Step(
        "prefix",
        ("Take the running sums.", "Replace each number by the sum up to it."),
        {
            LOOP: Code(
                "t = 0\n" + each("t += x\n    b.append(t)"), each("t += x\n    b.append(t)")
            ),
            SHORT: Code(
                "a = [sum(a[:i + 1]) for i in range(len(a))]",
                "a = [sum(a[:i]) for i in range(len(a))]",
            ),
        },
        lambda a, c: list(accumulate(a)),
    ),
    Step(
        "rev",
        ("Reverse the list.",),
        {LOOP: Code("a.reverse()", "a = a.reverse()"), SHORT: Code("a = a[::-1]")},
        lambda a, c: a[::-1],
    ),
    Step(
        "sort",
        ("Sort the list.", "Sort in ascending order."),
        {LOOP: Code("a.sort()", "a = a.sort()"), SHORT: Code("a = sorted(a)", "sorted(a)")},
        lambda a, c: sorted(a),
    ),
)
