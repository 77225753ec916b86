"""The program's half of a split test: holds the program's objects and does what the test asks.

It never sees the test's text. Builtin values travel by value, everything else stays here and
travels as a handle. Lists, dicts, sets and bytearrays that the test passes are the test's own:
what a call changes in them is told, and where one comes back it is named, not copied. A callable
of the test's travels as a handle the other way, and can only be called and iterated from here:
nothing of the test's half can be inspected.
"""

from __future__ import annotations

import builtins
import copy
import operator
from typing import Any, Callable, Dict, List, Optional

from . import channel, program, values

_OPERATORS = (
    "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift lt le gt ge eq ne "
    "getitem setitem delitem index neg pos invert"
).split()


def _exit(target: Any, kind: Any, arguments: Any) -> Any:
    """Leaves a context, with an exception like the one that the test has."""
    error = None if kind is None else kind(*arguments)
    return bool(type(target).__exit__(target, kind, error, None))


def _overwrite(target: Any, content: Any) -> None:
    """Gives a container new content."""
    if isinstance(target, (list, bytearray)):
        target[:] = content
    else:
        target.clear()
        target.update(content)


#: What the test's half can ask for, by name.
OPERATIONS: Dict[str, Callable[..., Any]] = {
    "call": lambda target, args, kwargs: target(*args, **kwargs),
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "len": len,
    "iter": iter,
    "next": next,
    "reversed": reversed,
    "str": str,
    "repr": repr,
    "format": format,
    "bool": bool,
    "int": int,
    "float": float,
    "round": round,
    "abs": abs,
    "hash": hash,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "enter": lambda target: type(target).__enter__(target),
    "exit": _exit,
    "isinstance": isinstance,
    "issubclass": issubclass,
    "overwrite": _overwrite,
    **{name: getattr(operator, name) for name in _OPERATORS},
}

# Builtins that the test's half may have by name. All others stay here: `eval` must run here.
_VALUE_TYPES = (
    *(int, float, complex, bool, str, bytes, bytearray),
    *(list, tuple, dict, set, frozenset, range),
)


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


class Shared:
    """The containers of one request, by number."""

    def __init__(self) -> None:
        self.objects: Dict[int, Any] = {}
        self._numbers: Dict[int, int] = {}

    def add(self, number: int, target: Any) -> Any:
        self.objects[number] = target
        self._numbers[id(target)] = number
        return target

    def known(self, target: Any) -> Optional[Dict[str, int]]:
        number = self._numbers.get(id(target))
        return None if number is None else {"$same": number}

    def offer(self, target: Any, plain: Callable[[], Any]) -> Any:
        """For a request: every container gets a number."""
        known = self.known(target)
        if known is not None:
            return known
        number = len(self.objects)
        self.add(number, target)
        return {"$shared": [number, plain()]}

    def name(self, target: Any, plain: Callable[[], Any]) -> Any:
        """For an answer: only what has a number keeps it."""
        return self.known(target) or plain()


def value_type(target: Any) -> Optional[str]:
    """The name of a builtin type of values, or of a builtin exception; None for all else."""
    if type(target) is not type or target not in _VALUE_TYPES:
        if not isinstance(target, type) or not issubclass(target, BaseException):
            return None
    name = values.type_name(target)
    return name if getattr(builtins, name, None) is target else None


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
        shared = Shared()
        args: List[Any] = []
        try:
            args = [self._decode(item, shared) for item in request["args"]]
            before = self._contents(shared)
            value = self._do(request["op"], args)
            answer = {"value": self._encode(value, shared)}
            changed = [
                [number, content]
                for number, content in self._contents(shared).items()
                if content != before[number]
            ]
            if changed:
                answer["changed"] = changed
            if request["op"] in ("getattr", "find") and type(value) in values.SHARED:
                answer["lent"] = self._handles.number(value)
        except BaseException as error:
            called = args[0] if request["op"] == "call" and args else None
            answer = self._describe(error, called)
        channel.send(self._writer, answer)

    def _do(self, operation: str, args: List[Any]) -> Any:
        if operation == "find":
            return self._subject.find(args[0])
        return OPERATIONS[operation](*args)

    def _contents(self, shared: Shared) -> Dict[int, Any]:
        """What the containers of a request hold, one level each."""

        def content(target: Any) -> Any:
            def name(item: Any, plain: Callable[[], Any]) -> Any:
                return plain() if item is target else shared.name(item, plain)

            return values.encode(target, self._by_reference, name, self._rich)

        return {number: content(target) for number, target in shared.objects.items()}

    def _describe(self, error: BaseException, called: Any) -> Dict[str, Any]:
        if type(error) is program.NotFound:
            return {"missing": str(error)}
        try:
            args = [self._encode(item, Shared()) for item in error.args]
        except BaseException:
            args = []
        return {
            "raise": self._subject.capture.describe(error, called),
            "class": self._encode(type(error), Shared()),
            "args": args,
            "self": self._handles.number(error),
        }

    def call_back(self, number: int, operation: str, args: Any, kwargs: Any) -> Any:
        """Asks the test's half, and serves what it asks meanwhile."""
        none = Shared()
        channel.send(
            self._writer,
            {
                "callback": number,
                "op": operation,
                "args": [self._encode(item, none) for item in args],
                "kwargs": {name: self._encode(item, none) for name, item in kwargs.items()},
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
                return self._decode(message["value"], none)

    def _encode(self, value: Any, shared: Shared) -> Any:
        return values.encode(value, self._by_reference, shared.name, self._rich)

    def _rich(self, value: Any, plain: Callable[[], Any]) -> Any:
        """An instance of a subclass of a builtin type: its content, and where its own
        attributes are."""
        return {"$rich": [self._handles.number(value), plain()]}

    def _by_reference(self, target: Any) -> Any:
        if target is Ellipsis:
            return {"$ellipsis": None}
        if isinstance(target, slice):
            parts = (target.start, target.stop, target.step)
            return {"$slice": [self._encode(part, Shared()) for part in parts]}
        name = value_type(target)
        if name is not None:
            return {"$builtin": name}
        if isinstance(target, type) and issubclass(target, BaseException):
            bases = [value_type(base) for base in values.base_classes(target)]
            parent = next(base for base in bases if base is not None)
            return {"$error": [self._handles.number(target), values.type_name(target), parent]}
        return {"$handle": self._handles.number(target)}

    def _decode(self, data: Any, shared: Shared) -> Any:
        return values.decode(
            data,
            {
                "$handle": lambda number: self._handles[number],
                "$error": lambda content: self._handles[content[0]],
                "$builtin": lambda name: getattr(builtins, name),
                "$callback": lambda number: Callback(self, number),
                "$ellipsis": lambda _: Ellipsis,
                "$slice": lambda parts: slice(*(self._decode(part, shared) for part in parts)),
                "$same": lambda number: shared.objects[number],
                "$shared": lambda content: shared.add(content[0], self._decode(content[1], shared)),
            },
        )


def serve(request: Dict[str, Any]) -> None:
    """The body of the program's process."""
    subject = program.load(request)
    try:
        Server(subject, *request["channel"]).run()
    except channel.ChannelClosed:
        program.leave(0)
