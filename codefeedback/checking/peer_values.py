"""How other graders compare returned values, written anew from their rules.

As in `codefeedback.checking.peers`, the bugs are meant. Values are decoded builtin values, so
Python's own ``==``, which most peers use, runs no code of the program's.
"""

from __future__ import annotations

import ast
import json
import math
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from codefeedback.checking.peers import allclose
from codefeedback.checking.values import python_equal
from codefeedback.guest.values import Opaque

# A text that RLTF would evaluate is read up to this length: a parser takes much memory.
_MAX_LITERAL = 10_000
# Broadcasting can compare each item with each. numpy would need this many bytes many times over.
_MAX_COMPARISONS = 4_000_000
_LITERALS = frozenset(
    {type(None), bool, int, complex, str, bytes, list, tuple, dict, set, frozenset, range}
)


def apps(expected: Any, returned: Any) -> bool:
    """hendrycks/apps: equal, or equal to the first item of an expected list.

    A tuple counts as a list; tuples inside one count as lists only against that first item.
    """
    expected = _integer_keys(expected)
    if isinstance(returned, tuple):
        returned = list(returned)
    if python_equal(returned, expected):
        return True
    if isinstance(expected, list) and expected and python_equal(returned, expected[0]):
        return True
    return _tuples_answer(expected, returned)


def rltf(expected: Any, returned: Any) -> bool:
    """Zyq-scut/RLTF: the value as printed, bare or in brackets, spells the expected value or its
    first item; else what it spells equals one of them.

    A returned text is read as a value too: it is evaluated there, and read as a literal here.
    """
    expected = _integer_keys(expected)
    if any(isinstance(item, Opaque) for item in _everything_in(returned)):
        return False
    try:
        out = str(returned)
        if _spelled(out, expected):
            return True
    except (ValueError, RecursionError):  # an integer too long to print
        return False
    for answer in _first_or_whole(expected):
        if isinstance(answer, (int, float)) and _float_equals(out, answer):
            return True
    if isinstance(returned, str):
        return _rltf_evaluated(expected, _literal(returned))
    evaluates = all(map(_evaluates, _everything_in(returned)))
    return evaluates and _rltf_evaluated(expected, returned)


def verl(expected: Any, returned: Any) -> bool:
    """verl's prime_code: as `apps`, for values that JSON can hold."""
    return _json(returned) is not None and apps(expected, returned)


def verl_sandbox(expected: Any, returned: Any) -> bool:
    """verl's sandbox_fusion: the value as printed spells the expected value in JSON.

    The peer compares with the text of the tests file. That text is not kept: the one that
    Python's json writes stands for it.
    """
    as_json = isinstance(returned, (dict, list, tuple, bool)) or returned is None
    try:
        printed = _json(returned) if as_json else str(returned)
    except ValueError:  # an integer too long to print
        return False
    wanted = _json(expected)
    if printed is None or wanted is None or isinstance(returned, Opaque):
        return False
    return printed.rstrip("\n") == wanted.rstrip("\n")


def livecodebench(expected: Any, returned: Any) -> bool:
    """LiveCodeBench: equal; a tuple counts as a list, but not inside of one."""
    return python_equal(list(returned) if isinstance(returned, tuple) else returned, expected)


def verifiers(expected: Any, returned: Any) -> bool:
    """PrimeIntellect's code environments: what JSON makes of the value equals the expected value or
    its first item."""
    text = _json(returned)
    if text is None:
        return False
    value = json.loads(text)
    if python_equal(value, expected):
        return True
    return isinstance(expected, list) and bool(expected) and python_equal(value, expected[0])


def evalplus(expected: Any, returned: Any, *, atol: float) -> bool:
    """evalplus: equal, or the same type and close by numpy.allclose.

    `atol` is the task's. Where it is 0, a float or a list of floats that is expected makes it
    1e-6, and anything else must be equal.
    """
    if python_equal(returned, expected):
        return True
    if atol == 0:
        if not _is_floats(expected):
            return False
        atol = 1e-6
    if type(returned) is not type(expected):
        return False
    if isinstance(expected, (list, tuple)) and len(returned) != len(expected):
        return False
    return _arrays_close(returned, expected, atol)


def _integer_keys(expected: Any) -> Any:
    """JSON has made texts of integer keys. APPS undoes that, in a list with the one dict; of a
    list whose first item is such a dict, it keeps only that."""
    # Whatever fails leaves the answer as it is, as there: no items, keys that are no integers.
    with suppress(Exception):
        if isinstance(expected, dict):
            expected = [{int(key): value for key, value in expected.items()}]
    with suppress(Exception):
        if isinstance(expected[0], dict):
            expected = [{int(key): value for key, value in expected[0].items()}]
    return expected


def _tuples_answer(expected: Any, returned: Any) -> bool:
    with suppress(Exception):  # as there: no items, or not of this kind
        if isinstance(returned[0], tuple):
            return python_equal([list(item) for item in returned], expected[0])
    return False


def _json(value: Any) -> str | None:
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _everything_in(value: Any) -> Iterator[Any]:
    """A value and all that it holds, at any depth, once each."""
    todo = [value]
    seen: set[int] = set()
    while todo:
        item = todo.pop()
        yield item
        if isinstance(item, (list, tuple, set, frozenset, deque, dict)) and id(item) not in seen:
            seen.add(id(item))
            todo.extend(item)
            if isinstance(item, dict):
                todo.extend(item.values())


def _evaluates(value: Any) -> bool:
    """Whether Python reads a value from its repr without further names: ``inf`` is one."""
    if isinstance(value, float):
        return math.isfinite(value)
    return type(value) in _LITERALS


def _spelled(out: str, expected: Any) -> bool:
    spellings = [out, f"[{out}]", f"({out})", str([out])]
    stripped = {spelling.strip() for spelling in spellings}
    if str(expected).strip() in stripped:
        return True
    if not (isinstance(expected, list) and expected):
        return False
    if str(expected[0]).strip() in stripped:
        return True
    try:
        return str(tuple(expected[0])).strip() in stripped
    except TypeError:  # the first item has no items
        return False


def _first_or_whole(expected: Any) -> list[Any]:
    answers = [expected]
    with suppress(Exception):  # as there: no items
        answers.append(expected[0])
    return answers


def _float_equals(out: str, answer: float) -> bool:
    try:
        return float(out) == answer
    except ValueError:
        return False


def _rltf_evaluated(expected: Any, value: Any) -> bool:
    if any(python_equal(value, answer) for answer in _first_or_whole(expected)):
        return True
    return _tuples_answer(expected, value)


def _literal(text: str) -> Any:
    """The value that a text spells; something that equals nothing where it spells none."""
    nothing = Opaque("text")
    # Escapes in literals can warn, and are not worth the trouble.
    if len(text) > _MAX_LITERAL or "\\" in text:
        return nothing
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return nothing


def _is_floats(expected: Any) -> bool:
    if isinstance(expected, (list, tuple)):
        return bool(expected) and all(isinstance(item, float) for item in expected)
    return isinstance(expected, float)


def _arrays_close(returned: Any, expected: Any, atol: float) -> bool:
    """numpy.allclose(returned, expected, rtol=1e-7, atol=atol), with its broadcasting."""
    try:
        mine, wanted = _Array(returned), _Array(expected)
        shape = mine.broadcast(wanted)
        if math.prod(shape) > _MAX_COMPARISONS and mine.shape != wanted.shape:
            return False
        pairs = zip(mine.items(shape), wanted.items(shape), strict=True)
        return all(allclose(one, other, rel=1e-7, abs_=atol) for one, other in pairs)
    except (ValueError, OverflowError):  # no array of numbers, or shapes that do not fit
        return False


class _Array:
    """Nested lists as numpy reads them: of one shape, of numbers. Raises ValueError for others."""

    def __init__(self, value: Any) -> None:
        shape: list[int] = []
        items = [value]
        while all(isinstance(item, (list, tuple)) for item in items):
            lengths = {len(item) for item in items}
            if len(lengths) != 1 or len(shape) == 32:
                raise ValueError("no array")
            shape.append(lengths.pop())
            items = [part for item in items for part in item]
            if not items:
                break
        self.shape = tuple(shape)
        self._numbers = [_number(item) for item in items]

    def broadcast(self, other: _Array) -> tuple[int, ...]:
        rank = max(len(self.shape), len(other.shape))
        shape = []
        for one, two in zip(self._padded(rank), other._padded(rank), strict=True):
            if one != two and 1 not in (one, two):
                raise ValueError("shapes do not fit")
            shape.append(two if one == 1 else one)
        return tuple(shape)

    def items(self, shape: tuple[int, ...]) -> Any:
        """The numbers, repeated where `shape` is longer."""
        if math.prod(shape) == 0:
            return iter(())
        if shape == self.shape:
            return iter(self._numbers)
        return map(self._numbers.__getitem__, self._places(shape))

    def _padded(self, rank: int) -> tuple[int, ...]:
        return (1,) * (rank - len(self.shape)) + self.shape

    def _places(self, shape: tuple[int, ...]) -> Any:
        places = [0]
        step = len(self._numbers)
        for mine, wanted in zip(self._padded(len(shape)), shape, strict=True):
            step //= mine
            # A length of one is repeated; otherwise each item is `step` after the one before.
            stride = step if mine == wanted else 0
            places = [place + stride * index for place in places for index in range(wanted)]
        return places


def _number(item: Any) -> float | complex:
    # Integers beyond 64 bits make an array of objects, which numpy cannot compare.
    if isinstance(item, int) and -(2**63) <= item < 2**64:
        return float(item)
    if isinstance(item, (float, complex)):
        return item
    raise ValueError("no number")
