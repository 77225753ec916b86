"""A cursor over decoded JSON that knows where it stands, so every complaint names the place."""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from codefeedback.errors import ProblemError
from codefeedback.guest import values

#: Values nested deeper than this are refused: the wire format recurses several frames a level.
MAX_VALUE_DEPTH = 100
# A JSON text with a longer number is refused; int() alone refuses more than 4300 digits.
_MAX_DIGITS = 100_000
_DIGITS_AT_ONCE = 4000
# Limits and tolerances are calculated with as floats, which end at 2**1024.
_MAX_BITS = 512
_SHOWN = 60
_TOO_DEEP = f"nested deeper than {MAX_VALUE_DEPTH} containers"
_SEQUENCES = (list, tuple, set, frozenset, deque)
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_ENTRY_POINT = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def json_type(value: object) -> str:
    """What JSON calls a decoded value (a Python type's own name where JSON has none)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kinds, name in (
        ((int, float), "number"),
        ((str,), "string"),
        ((list,), "array"),
        ((Mapping,), "object"),
    ):
        if isinstance(value, kinds):
            return name
    return type(value).__name__


def show(value: object) -> str:
    """A value as JSON, short enough for a message."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"a number of about {int(value.bit_length() * 0.30103) + 1} digits"
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def listing(names: Iterable[str], most: int = 12) -> str:
    """Names as a quoted, comma-separated list, cut after `most`."""
    quoted = [json.dumps(name if len(name) <= _SHOWN else name[:_SHOWN] + "...") for name in names]
    rest = len(quoted) - most
    return ", ".join(quoted[:most]) + (f" and {rest} more" if rest > 0 else "")


def suggestion(name: str, known: Iterable[str]) -> str:
    """`` (did you mean "x"?)`` where a known name is near, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f' (did you mean "{near[0]}"?)' if near else ""


def parse_int(digits: str) -> int:
    """The integer that decimal digits stand for. ValueError beyond `_MAX_DIGITS` digits."""
    if len(digits) <= _DIGITS_AT_ONCE:
        return int(digits)
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits (at most {_MAX_DIGITS} are read)")
    sign, rest = (-1, digits[1:]) if digits[0] == "-" else (1, digits)
    total = 0
    for start in range(0, len(rest), _DIGITS_AT_ONCE):
        part = rest[start : start + _DIGITS_AT_ONCE]
        total = total * 10 ** len(part) + int(part)
    return sign * total


def parse_json(text: str, where: str = "", *, one_line: bool = False) -> Any:
    """The value of a JSON text. NaN and Infinity are read as floats.

    ProblemError at `where` for text that is no JSON, has an object with the same key twice, or is
    nested too deeply. `one_line` leaves the line number out of the message.
    """
    repeated: list[tuple[dict[str, Any], str]] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) < len(items):
            counts = Counter(key for key, _ in items)
            repeated.append((result, counts.most_common(1)[0][0]))
        return result

    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_int=parse_int)
    except json.JSONDecodeError as error:
        place = f"column {error.colno}"
        if not one_line:
            place = f"line {error.lineno}, {place}"
        hint = "" if where or one_line else " (one value a line needs the suffix .jsonl)"
        raise ProblemError(f"{place}: {_complaint(error, hint)}", where=where) from None
    except RecursionError:
        raise ProblemError("not readable: nested too deeply", where=where) from None
    except ValueError as error:  # from parse_int
        raise ProblemError(str(error), where=where) from None
    if repeated:
        container, key = repeated[0]
        place = _find(data, container, where)
        raise ProblemError(f"the key {json.dumps(key)} occurs twice", where=place)
    return data


def _complaint(error: json.JSONDecodeError, hint: str) -> str:
    if error.msg == "Extra data":
        return f"unexpected text after the JSON value{hint}"
    message = error.msg[0].lower() + error.msg[1:]
    if message.endswith(" at"):
        message = message.removesuffix("at") + "here"
    at_end = not error.doc[error.pos :].strip()
    return message + (", but the text ends here" if at_end else "")


def _find(data: Any, wanted: object, where: str) -> str:
    """The path of an object inside `data`. Not recursive: `data` may be nested deeply."""
    stack = [(data, where)]
    while stack:
        value, place = stack.pop()
        if value is wanted:
            return place
        if isinstance(value, list):
            stack.extend((item, f"{place}[{index}]") for index, item in enumerate(value))
        elif isinstance(value, dict):
            stack.extend((item, _member(place, key)) for key, item in value.items())
    return where


def _member(where: str, key: str) -> str:
    if not _PLAIN_KEY.fullmatch(key):
        return f"{where}[{show(key)}]"
    return f"{where}.{key}" if where else key


def _too_deep(value: Any) -> bool:
    """Whether containers are nested deeper than `MAX_VALUE_DEPTH`."""
    level, depth = [value], 0
    while level:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += [*item.keys(), *item.values()]
            elif isinstance(item, _SEQUENCES):
                inner += item
        depth += any(isinstance(item, (dict, *_SEQUENCES)) for item in level)
        if depth > MAX_VALUE_DEPTH:
            return True
        level = inner
    return False


def _refuse_object(content: Any) -> Any:
    raise ValueError('"$object" stands for a value that equals nothing')


_TAGS: dict[str, Callable[[Any], Any]] = {"$object": _refuse_object}


@dataclass(frozen=True, slots=True)
class Node:
    """A value in decoded JSON, and the path that leads to it."""

    value: Any
    where: str = ""

    def error(self, reason: str) -> ProblemError:
        """A ProblemError that speaks of this place."""
        return ProblemError(reason, where=self.where)

    def expected(self, what: str) -> ProblemError:
        return self.error(f"expected {what}, got {json_type(self.value)}")

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.expected("a string")
        return self.value

    def items(self) -> list[Node]:
        if not isinstance(self.value, list):
            raise self.expected("an array")
        return [Node(item, f"{self.where}[{index}]") for index, item in enumerate(self.value)]

    def object(self) -> Mapping[str, Any]:
        if not isinstance(self.value, Mapping):
            raise self.expected("an object")
        for key in self.value:
            if not isinstance(key, str):
                raise self.error(f"expected string keys, got {key!r}")
        return self.value

    def member(self, key: str) -> Node:
        """The member of that name; its value is None where there is none."""
        return Node(self.object().get(key), _member(self.where, key))

    def need(self, key: str) -> Node:
        """The member of that name, which must be there."""
        if key not in self.object():
            raise self.error(f'missing key "{key}"{_found(self.value)}')
        return self.member(key)

    def first(self, *keys: str) -> Node | None:
        """The first of these members that is there and not null."""
        nodes = (self.member(key) for key in keys)
        return next((node for node in nodes if node.value is not None), None)

    def optional_text(self, key: str) -> str:
        """The text of a member; empty where it is absent or null."""
        node = self.member(key)
        return "" if node.value is None else node.text()

    def unpacked(self) -> Node:
        """The same place, with JSON text decoded; anything else as it is."""
        if not isinstance(self.value, str):
            return self
        return Node(parse_json(self.value, self.where), self.where)

    def number(self) -> float:
        """A number, not a boolean, that arithmetic with floats can take."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self.expected("a number")
        if isinstance(self.value, int) and self.value.bit_length() > _MAX_BITS:
            raise self.error(f"too large: {show(self.value)}")
        return self.value

    def entry_point(self) -> str:
        """A dotted name of a function or method."""
        name = self.text()
        if not _ENTRY_POINT.fullmatch(name):
            raise self.error(f"expected the name of a function, got {show(name)}")
        return name

    def decoded(self) -> Any:
        """The value that tagged JSON at this place stands for."""
        try:
            value = values.decode(self.value, _TAGS)
        except ValueError as error:
            raise self.error(_value_complaint(self.value, str(error))) from None
        return Node(value, self.where).plain()

    def plain(self) -> Any:
        """The value itself: JSON of a format that knows no tags."""
        if _too_deep(self.value):
            raise self.error(_TOO_DEEP)
        return self.value


def _found(value: Mapping[str, Any]) -> str:
    return f"; found {listing(map(str, value))}" if value else "; the object is empty"


def _value_complaint(value: Any, message: str) -> str:
    """What is wrong with tagged JSON, from the message that its decoder gave."""
    if "recursion" in message:
        return _TOO_DEEP
    if "unhashable" in message:
        return "an array, object or set cannot be a set member or a key (tag it $tuple, $frozenset)"
    if "integer string conversion" in message:
        return "$int: too many decimal digits: write the number in hexadecimal, 0x..."
    if message.startswith(("unknown tag", "key ", "$float: ", '"$object"')):
        return message.replace("'", '"')
    # The others are the words of Python's own constructors.
    return f"not a tagged value: {show(_undecodable(value))}"


def _undecodable(value: Any) -> Any:
    """The innermost part of tagged JSON that cannot be decoded."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        try:
            values.decode(part, _TAGS)
        except ValueError:
            return _undecodable(part)
    return value
