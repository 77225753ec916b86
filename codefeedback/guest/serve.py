"""The program's half of a split test: holds the program's objects and does what the test asks.

It never sees the test's text. Exact builtin values travel by value; everything else stays here
and travels as a handle. A callable of the test's travels as a handle the other way, and can only
be called and iterated from here: nothing of the test's half can be inspected.
"""

from __future__ import annotations

import builtins
import operator
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import channel, program, report, values

_BINARY = (
    "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift lt le gt ge eq ne"
).split()

#: What the test's half can ask for, by name.
OPERATIONS: Dict[str, Callable[..., Any]] = {
    "call": lambda target, args, kwargs: target(*args, **kwargs),
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "len": len,
    "iter": iter,
    "next": next,
    "reversed": reversed,
    "str": str,
    "repr": repr,
    "bool": bool,
    "neg": operator.neg,
    "pos": operator.pos,
    "abs": abs,
    "enter": lambda target: type(target).__enter__(target),
    "exit": lambda target, *args: type(target).__exit__(target, *args),
    "isinstance": isinstance,
    "issubclass": issubclass,
    **{name: getattr(operator, name) for name in _BINARY},
}

MUTABLE = (list, dict, set, bytearray)


class Handles:
    """Objects of this process that the other one refers to by number."""

    def __init__(self) -> None:
        self._objects: List[Any] = []
        self._numbers: Dict[int, int] = {}

    def number(self, target: Any) -> int:
        number = self._numbers.setdefault(id(target), len(self._objects))
        if number == len(self._objects):
            self._objects.append(target)  # kept alive, so that its id stays its own
        return number

    def __getitem__(self, number: int) -> Any:
        return self._objects[number]


def builtin_name(target: Any) -> Optional[str]:
    """The name of a builtin function or type; None for everything else."""
    name = getattr(target, "__name__", None) if isinstance(target, _CALLABLE_TYPES) else None
    if type(name) is str and getattr(builtins, name, None) is target:
        return name
    return None


_CALLABLE_TYPES = (type, type(len))


class Callback:
    """A callable (or iterator) of the test's half, seen from the program's."""

    def __init__(self, server: "Server", number: int) -> None:
        self._server = server
        self._number = number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._server.call_back(self._number, "call", args, kwargs)

    def __iter__(self) -> "Callback":
        return self

    def __next__(self) -> Any:
        return self._server.call_back(self._number, "next", (), {})


class Server:
    """Answers the test's half until it closes the channel."""

    def __init__(self, subject: program.Program, reader: int, writer: int) -> None:
        self._subject = subject
        self._reader = reader
        self._writer = writer
        self._handles = Handles()

    def run(self) -> None:
        channel.send(self._writer, {"ready": True})
        while True:
            self._serve_one(channel.receive(self._reader))

    def _serve_one(self, request: Dict[str, Any]) -> None:
        args: List[Any] = []
        try:
            args = [self._decode(item) for item in request["args"]]
            before = self._snapshot(args)
            value = self._do(request["op"], args)
            answer = {"value": self._encode(value), "changed": self._changed(args, before)}
        except BaseException as error:
            answer = self._describe(error)
        channel.send(self._writer, answer)

    def _do(self, operation: str, args: List[Any]) -> Any:
        if operation == "find":
            return self._subject.find(args[0])
        return OPERATIONS[operation](*args)

    def _describe(self, error: BaseException) -> Dict[str, Any]:
        kind = type(error)
        try:
            args = [self._encode(item) for item in error.args]
        except BaseException:
            args = []
        if kind is program.NotFound:
            return {"missing": str(error)}
        return {
            "raise": self._subject.capture.describe(error),
            "class": self._encode(kind),
            "args": args,
        }

    def call_back(self, number: int, operation: str, args: Any, kwargs: Any) -> Any:
        """Asks the test's half, and serves what it asks meanwhile."""
        channel.send(
            self._writer,
            {
                "callback": number,
                "op": operation,
                "args": [self._encode(item) for item in args],
                "kwargs": {name: self._encode(item) for name, item in kwargs.items()},
            },
        )
        while True:
            message = channel.receive(self._reader)
            if "op" in message:
                self._serve_one(message)
            elif "stop" in message:
                raise StopIteration
            elif "raise" in message:
                raise getattr(builtins, message["raise"], Exception)(*message["args"])
            else:
                return self._decode(message["value"])

    def _encode(self, value: Any) -> Any:
        return values.encode(value, self._by_reference)

    def _by_reference(self, target: Any) -> Any:
        name = builtin_name(target)
        if name is not None:
            return {"$builtin": name}
        if isinstance(target, type) and issubclass(target, BaseException):
            base = next(
                values.type_name(each)
                for each in values.base_classes(target)
                if builtin_name(each) is not None
            )
            return {"$error": [self._handles.number(target), values.type_name(target), base]}
        return {"$handle": self._handles.number(target)}

    def _decode(self, data: Any) -> Any:
        return values.decode(
            data,
            {
                "$handle": lambda number: self._handles[number],
                "$error": lambda content: self._handles[content[0]],
                "$builtin": lambda name: getattr(builtins, name),
                "$callback": lambda number: Callback(self, number),
            },
        )

    def _snapshot(self, args: List[Any]) -> List[Tuple[Any, Any]]:
        return [(item, self._encode(item)) for item in flat(args) if type(item) in MUTABLE]

    def _changed(self, args: List[Any], before: List[Tuple[Any, Any]]) -> List[Any]:
        """(position among the arguments, new content) of what the call changed in place."""
        changes = []
        for index, (item, old) in enumerate(before):
            new = self._encode(item)
            if new != old:
                changes.append([index, new])
        return changes


def flat(args: List[Any]) -> List[Any]:
    """The arguments of an operation; those of a call one by one, positional before named."""
    found: List[Any] = []
    for index, item in enumerate(args):
        if index == 1 and len(args) == 3 and type(item) is list:
            found += item
        elif index == 2 and type(item) is dict:
            found += item.values()
        else:
            found.append(item)
    return found


def serve(request: Dict[str, Any]) -> None:
    """The body of the program's process."""
    subject = program.Program(request, program.module_name(request))
    code = subject.compile()
    if code is None:
        program.leave(1)
        return
    report.write({"phase": "run"})
    try:
        subject.execute(code)
    except program.BadProblem as error:
        report.write({"phase": "problem", "reason": str(error)})
        program.leave(1)
    except BaseException as error:
        report.write({"phase": "run", "exception": subject.capture.describe(error)})
        program.leave(1)
    try:
        Server(subject, *request["channel"]).run()
    except channel.ChannelClosed:
        program.leave(0)
