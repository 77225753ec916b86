"""Values on the wire: tagged JSON of exact builtin types.

Plain JSON stands for itself: null, true, false, numbers, strings, arrays (lists) and objects whose
keys are strings that do not start with ``$``. Everything else is an object with one key, the tag:

    {"$tuple": [...]}  {"$set": [...]}  {"$frozenset": [...]}  {"$deque": [...]}
    {"$dict": [[key, value], ...]}            keys that are no strings, or start with "$"
    {"$bytes": "hex"}  {"$bytearray": "hex"}
    {"$int": "0x..."}                         any size; decimal is read too
    {"$float": "nan" | "inf" | "-inf"}
    {"$complex": [real, imag]}  {"$range": [start, stop, step]}
    {"$decimal": "1.50"}  {"$fraction": ["0x1", "0x2"]}
    {"$date" | "$datetime" | "$time": "ISO 8601"}  {"$timedelta": [days, seconds, microseconds]}
    {"$object": "type name"}                  cannot travel; equals nothing

Objects of a subclass of a builtin type travel as their plain content, read with the builtin type's
own methods: no code of the object's class runs, so an overridden ``__eq__``, ``__iter__`` or
``__str__`` has no say. Numpy scalars and arrays travel as what `tolist` gives.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar

#: Containers nested deeper than this do not travel.
MAX_DEPTH = 100
#: What a hook can share between two processes: the mutable ones.
SHARED = (list, dict, set, bytearray)
# Integers of up to this many bits are written as JSON numbers, which every reader knows.
_PLAIN_BITS = 63
_SMALL = 1 << _PLAIN_BITS
# What hostile values may cost their reader: a fraction is reduced in quadratic time, and so is a
# set built whose items all have the same hash.
_MAX_FRACTION_DIGITS = 25000
_MAX_SAME_HASH, _MAX_SAME_NESTED = 50, 8

_type_name = type.__dict__["__name__"].__get__
_type_mro = type.__dict__["__mro__"].__get__
_type_module = type.__dict__["__module__"].__get__


class Opaque:
    """Stands for an object that could not travel. It equals nothing, itself included."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__  # it may stand in a set, or be a key

    def __repr__(self) -> str:
        return "<" + self.type_name + " object>"


def type_name(kind: type) -> str:
    """A class's name, whatever its metaclass says."""
    return str(_type_name(kind))


def base_classes(kind: type) -> Tuple[type, ...]:
    """A class's method resolution order, whatever its metaclass says."""
    return tuple(_type_mro(kind))


_Hook = Callable[[Any, Callable[[], Any]], Any]


def encode(
    value: Any,
    opaque: Optional[Callable[[Any], Any]] = None,
    share: Optional[_Hook] = None,
    rich: Optional[_Hook] = None,
) -> Any:
    """`value` as tagged JSON.

    Three hooks make another tagged form: `opaque` of an object that has none (default:
    ``{"$object": type}``), `share` of a list, dict, set or bytearray, `rich` of an instance of a
    subclass of a builtin type; the latter two are also given what makes the plain form. Apart from
    them, and from numpy's `tolist`, no code of the value's own class runs.
    """
    return _Encoder(opaque or _as_object, share, rich).encode(value, 0)


def decode(data: Any, tags: Optional[Dict[str, Callable[[Any], Any]]] = None) -> Any:
    """The value that tagged JSON stands for. Raises ValueError where it stands for none.

    `tags` adds tags of the caller's, each with the function that reads it.
    """
    try:
        return _decode(data, tags or {})
    except ValueError:
        raise
    except (TypeError, ArithmeticError, AttributeError, RecursionError) as error:
        raise ValueError("not a tagged value: %s" % error) from None


def _as_object(value: Any) -> Any:
    return {"$object": type_name(type(value))}


class _Encoder:
    def __init__(
        self, opaque: Callable[[Any], Any], share: Optional[_Hook], rich: Optional[_Hook]
    ) -> None:
        self._opaque = opaque
        self._share = share
        self._rich = rich
        self._open: List[int] = []  # ids of the containers around the current value

    def encode(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if value.bit_length() <= _PLAIN_BITS else {"$int": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        for base in base_classes(kind):
            scalar = _SCALARS.get(id(base))
            items = _CONTAINERS.get(id(base))
            if scalar is not None or items is not None:
                break
        else:
            return self._other(value, kind, depth)

        def plain() -> Any:
            if scalar is not None:
                return scalar(value)
            return self._container(value, depth, items)

        if base is not kind:
            return plain() if self._rich is None else self._rich(value, plain)
        if self._share is not None and kind in SHARED and id(value) not in self._open:
            return self._share(value, plain)
        return plain()

    def _container(self, value: Any, depth: int, items: Any) -> Any:
        if depth >= MAX_DEPTH or id(value) in self._open:
            return {"$object": "endlessly nested " + type_name(type(value))}
        self._open.append(id(value))
        try:
            return items(value, lambda item: self.encode(item, depth + 1))
        finally:
            self._open.pop()

    def _other(self, value: Any, kind: type, depth: int) -> Any:
        module = _type_module(kind)
        module = module if type(module) is str else ""
        if module == "numpy" and hasattr(kind, "tolist"):
            return self.encode(value.tolist(), depth + 1) if depth < MAX_DEPTH else None
        lazy = _LAZY.get((module, type_name(kind)))
        if lazy is not None:
            return lazy(value, lambda item: self.encode(item, depth + 1))
        return self._opaque(value)


_Each = Callable[[Any], Any]
_Function = TypeVar("_Function")


def _by_id(table: Dict[type, _Function]) -> Dict[int, _Function]:
    return {id(kind): function for kind, function in table.items()}


def _each_item(items: Any, each: _Each) -> List[Any]:
    """Most items of long lists are texts or small numbers, which stand for themselves."""
    return [
        item if type(item) is str or (type(item) is int and -_SMALL < item < _SMALL) else each(item)
        for item in items
    ]


def _encode_dict(value: Any, each: _Each) -> Any:
    items = list(dict.items(value))
    if all(type(key) is str and not key.startswith("$") for key, _ in items):
        return {key: each(item) for key, item in items}
    return {"$dict": [[each(key), each(item)] for key, item in items]}


# By identity: looking a class up by equality would ask its metaclass.
_SCALARS: Dict[int, Callable[[Any], Any]] = _by_id(
    {
        int: lambda value: encode(int.__pos__(value)),
        float: lambda value: encode(float.__pos__(value)),
        str: lambda value: str.__str__(value),
        complex: lambda value: {
            "$complex": [encode(complex.real.__get__(value)), encode(complex.imag.__get__(value))]
        },
        bytes: lambda value: {"$bytes": bytes.hex(value)},
        bytearray: lambda value: {"$bytearray": bytearray.hex(value)},
        range: lambda value: {
            "$range": [encode(value.start), encode(value.stop), encode(value.step)]
        },
    }
)

_CONTAINERS: Dict[int, Callable[[Any, _Each], Any]] = _by_id(
    {
        list: lambda value, each: [each(item) for item in list.__iter__(value)],
        tuple: lambda value, each: {"$tuple": [each(item) for item in tuple.__iter__(value)]},
        set: lambda value, each: {"$set": [each(item) for item in set.__iter__(value)]},
        frozenset: lambda value, each: {
            "$frozenset": [each(item) for item in frozenset.__iter__(value)]
        },
        dict: _encode_dict,
    }
)

# Known by name, so that nothing is imported that the program did not import. A class that only
# pretends to be one of these gains nothing: all it can do is to say which value it stands for.
_LAZY: Dict[Tuple[str, str], Callable[[Any, _Each], Any]] = {
    ("collections", "deque"): lambda value, each: {"$deque": [each(item) for item in value]},
    ("decimal", "Decimal"): lambda value, each: {"$decimal": str(value)},
    ("fractions", "Fraction"): lambda value, each: {
        "$fraction": [hex(value.numerator), hex(value.denominator)]
    },
    ("datetime", "date"): lambda value, each: {"$date": value.isoformat()},
    ("datetime", "datetime"): lambda value, each: {"$datetime": value.isoformat()},
    ("datetime", "time"): lambda value, each: {"$time": value.isoformat()},
    ("datetime", "timedelta"): lambda value, each: {
        "$timedelta": [value.days, value.seconds, value.microseconds]
    },
}


def _decode(data: Any, tags: Dict[str, Callable[[Any], Any]]) -> Any:
    if isinstance(data, list):
        return [_decode(item, tags) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) == 1:
        (tag, content), *_ = data.items()
        if tag.startswith("$"):
            reader = tags.get(tag)
            if reader is not None:
                return reader(content)
            if tag not in _DECODERS:
                raise ValueError("unknown tag " + repr(tag))
            return _DECODERS[tag](content, lambda item: _decode(item, tags))
    for key in data:
        if key.startswith("$"):
            raise ValueError('key %r beside others: use {"$dict": [[key, value], ...]}' % key)
    return {key: _decode(item, tags) for key, item in data.items()}


def _items(content: Any, each: _Each) -> List[Any]:
    if not isinstance(content, list):
        raise ValueError("expected an array, got %s" % type(content).__name__)
    return [each(item) for item in content]


def _hashed(items: List[Any]) -> List[Any]:
    seen: Dict[int, int] = {}
    for item in items:
        value, kind = hash(item), type(item)
        seen[value] = seen.get(value, 0) + 1
        if seen[value] > (_MAX_SAME_HASH if kind not in (tuple, frozenset) else _MAX_SAME_NESTED):
            raise ValueError("too many items of the same hash")
    return items


def _decode_dict(content: Any, each: _Each) -> Dict[Any, Any]:
    pairs = _items(content, each)
    _hashed([key for key, _ in pairs])
    return dict(pairs)


def _text(content: Any) -> str:
    if not isinstance(content, str):
        raise ValueError("expected a string")
    return content


def _decode_int(content: Any) -> int:
    if not isinstance(content, str):
        raise ValueError("$int: expected a string")
    digits = content.lstrip("+-")
    return int(content, 16 if digits[:2].lower() == "0x" else 10)


def _decode_float(content: Any) -> float:
    if content not in ("nan", "inf", "-inf"):
        raise ValueError('$float: expected "nan", "inf" or "-inf"')
    return float(content)


def _decode_decimal(content: Any) -> Any:
    from decimal import Decimal

    return Decimal(content)


def _decode_fraction(content: Any, each: _Each) -> Any:
    from fractions import Fraction

    parts = _items(content, each)
    if any(len(part) > _MAX_FRACTION_DIGITS for part in parts):
        raise ValueError("$fraction: too long")
    numerator, denominator = (_decode_int(part) for part in parts)
    return Fraction(numerator, denominator)


def _decode_deque(content: Any, each: _Each) -> Any:
    from collections import deque

    return deque(_items(content, each))


def _decode_time(kind: str, content: Any) -> Any:
    import datetime

    if kind == "timedelta":
        days, seconds, microseconds = content
        return datetime.timedelta(days, seconds, microseconds)
    return getattr(datetime, kind).fromisoformat(content)


_DECODERS: Dict[str, Callable[[Any, _Each], Any]] = {
    "$tuple": lambda content, each: tuple(_items(content, each)),
    "$set": lambda content, each: set(_hashed(_items(content, each))),
    "$frozenset": lambda content, each: frozenset(_hashed(_items(content, each))),
    "$deque": _decode_deque,
    "$dict": _decode_dict,
    "$bytes": lambda content, each: bytes.fromhex(content),
    "$bytearray": lambda content, each: bytearray.fromhex(content),
    "$int": lambda content, each: _decode_int(content),
    "$float": lambda content, each: _decode_float(content),
    "$complex": lambda content, each: complex(*_items(content, each)),
    "$range": lambda content, each: range(*_items(content, each)),
    "$decimal": lambda content, each: _decode_decimal(content),
    "$fraction": _decode_fraction,
    "$date": lambda content, each: _decode_time("date", content),
    "$datetime": lambda content, each: _decode_time("datetime", content),
    "$time": lambda content, each: _decode_time("time", content),
    "$timedelta": lambda content, each: _decode_time("timedelta", content),
    "$object": lambda content, each: Opaque(_text(content)),
}
