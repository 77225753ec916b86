"""The types that MBPP+ inputs lose in JSON, restored.

EvalPlus writes tuples, sets and complex numbers as arrays and strings, and knows by the number of
the task which they were. The numbers are those of `evalplus.data.mbpp` (MBPP+ v0.1.0; v0.2.0 has
fewer tasks). Tasks that are not named here take plain JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_Shape = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _tuples(value: Any) -> Any:
    """A list of tuples."""
    return [tuple(item) for item in value]


def _tuple_of_tuples(value: Any) -> Any:
    return tuple(tuple(item) for item in value)


def _nested(value: Any) -> Any:
    """Lists at every depth as tuples."""
    return tuple(map(_nested, value)) if isinstance(value, list) else value


def _shallow(value: Any) -> Any:
    """A list and the lists in it as tuples, no deeper."""
    return tuple(tuple(item) if isinstance(item, list) else item for item in value)


def _sets(value: Any) -> Any:
    """A list of sets. An empty one is a dict: EvalPlus makes it ``{}``."""
    return [set(item) if isinstance(item, list) and item else {} for item in value]


def _tuple_values(value: Any) -> Any:
    return {key: tuple(item) for key, item in value.items()}


# Shapes of the arguments in order, the last standing for all that follow.
_TASKS: tuple[tuple[tuple[_Shape, ...], str], ...] = (
    (
        (tuple,),
        "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809",
    ),
    ((_tuples,), "63 64 70 94 120 237 272 299 400 409 417 438 473 614 780"),
    ((_tuples, _same), "75 413 444 753"),
    ((_same, tuple), "106 750"),
    ((_sets,), "115"),
    ((float, complex), "124"),
    ((tuple, _same), "250 307 405 446 617 720 763 808"),
    ((complex,), "252"),
    ((_tuple_of_tuples,), "259 401 445"),
    ((_shallow,), "278"),
    ((_nested,), "580 615 791"),
    ((_tuple_values, _same), "722"),
)
_SHAPES = {number: shapes for shapes, numbers in _TASKS for number in numbers.split()}


def retyped(task_id: str, arguments: list[Any]) -> list[Any]:
    """The arguments of a call, with the types that `task_id` (``Mbpp/2``) had before JSON.

    TypeError, ValueError or AttributeError where the arguments do not have the task's shape.
    """
    shapes = _SHAPES.get(task_id.removeprefix("Mbpp/"), (_same,))
    return [
        shapes[min(index, len(shapes) - 1)](argument) for index, argument in enumerate(arguments)
    ]
