"""The program's objects as the test's half of a split test sees them.

What comes from the program is either a plain value or a `Remote`. A Remote is never given a plain
operand that it could answer with what pleases the test: comparison with a plain value is decided
here (never equal), and arithmetic with one may only yield another Remote.
"""

from __future__ import annotations

import builtins
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import channel, serve, values

# What the program sends in one message; a hostile one must not fill this half's memory.
_MAX_ANSWER_BYTES = 256 << 20


class Stopped(BaseException):
    """The test cannot go on: the program's half is gone, or the test cannot be split."""


class Peer:
    """The channel to the program's half, from the test's half."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader = reader
        self._writer = writer
        self._callbacks = serve.Handles()
        self._remotes: Dict[int, "Remote"] = {}
        self._errors: Dict[int, type] = {}
        #: Why the test stopped, if it did; sticky, since the test may swallow the exception.
        self.stopped: Optional[Dict[str, Any]] = None
        #: Exceptions of the program's that were raised here, with their traces.
        self.raised: List[Tuple[BaseException, Dict[str, Any]]] = []
        self.missing: List[str] = []

    def stop(self, phase: str, reason: str) -> Stopped:
        if self.stopped is None:
            self.stopped = {"phase": phase, "reason": reason}
        return Stopped(reason)

    def wait_ready(self) -> None:
        self._receive()

    def ask(self, operation: str, *args: Any) -> Any:
        """Does something to the program's objects; its exceptions are raised here."""
        encoded = [self._encode(item) for item in args]
        self._send({"op": operation, "args": encoded})
        while True:
            answer = self._receive()
            if "callback" in answer:
                self._serve_callback(answer)
            elif "raise" in answer:
                error = self._rebuild(answer)
                # Without a frame of the program's, and no call of it, the test used a value
                # wrongly: the answer is wrong, but nothing was raised.
                if operation == "call" or answer["raise"].get("frames"):
                    self.raised.append((error, answer["raise"]))
                raise error
            elif "missing" in answer:
                self.missing.append(str(answer["missing"]))
                raise NameError(answer["missing"])
            else:
                self._restore(serve.flat(list(args)), answer.get("changed", []))
                return self._decode(answer.get("value"))

    def _send(self, message: Any) -> None:
        if self.stopped is not None:
            raise Stopped(self.stopped["reason"])
        try:
            channel.send(self._writer, message)
        except channel.ChannelClosed as error:
            raise self.stop("lost", str(error)) from None

    def _receive(self) -> Dict[str, Any]:
        if self.stopped is not None:
            raise Stopped(self.stopped["reason"])
        try:
            message = channel.receive(self._reader, _MAX_ANSWER_BYTES)
        except channel.ChannelClosed as error:
            raise self.stop("lost", str(error)) from None
        if not isinstance(message, dict):
            raise self.stop("lost", "the program's half sent no message")
        return message

    def _serve_callback(self, message: Dict[str, Any]) -> None:
        try:
            target = self._callbacks[message["callback"]]
            if message["op"] == "next":
                value = next(target)
            else:
                args = [self._decode(item) for item in message["args"]]
                kwargs = {name: self._decode(item) for name, item in message["kwargs"].items()}
                value = target(*args, **kwargs)
            answer = {"value": self._encode(value)}
        except StopIteration:
            answer = {"stop": True}
        except Exception as error:
            answer = {"raise": values.type_name(type(error)), "args": [str(error)]}
        self._send(answer)

    def _encode(self, value: Any) -> Any:
        return values.encode(value, self._by_reference)

    def _by_reference(self, target: Any) -> Any:
        if type(target) is Remote:
            return {"$handle": _number(target)}
        name = serve.builtin_name(target)
        if name is not None:
            return {"$builtin": name}
        for number, kind in self._errors.items():
            if kind is target:
                return {"$error": [number, "", ""]}
        if (callable(target) and not isinstance(target, type)) or hasattr(target, "__next__"):
            return {"$callback": self._callbacks.number(target)}
        name = values.type_name(type(target))
        raise self.stop("unsplittable", "the test passes an object of type %s" % name)

    def _decode(self, data: Any) -> Any:
        try:
            return values.decode(
                data,
                {
                    "$handle": self._remote,
                    "$error": lambda content: self._error_class(*content),
                    "$builtin": self._builtin,
                },
            )
        except ValueError as error:
            raise self.stop("lost", "the program's half sent no value: %s" % error) from None

    def _builtin(self, name: Any) -> Any:
        found = getattr(builtins, name, None) if type(name) is str else None
        if serve.builtin_name(found) is None:
            raise ValueError("no builtin")
        return found

    def _remote(self, number: Any) -> "Remote":
        if type(number) is not int:
            raise ValueError("no handle")
        if number not in self._remotes:
            self._remotes[number] = Remote(self, number)
        return self._remotes[number]

    def _error_class(self, number: Any, name: Any, base: Any) -> type:
        """A local class for an exception class of the program's, so that `except` can name it."""
        parent = getattr(builtins, base, None) if type(base) is str else None
        if not (isinstance(parent, type) and issubclass(parent, BaseException)):
            raise ValueError("no exception class")
        if number not in self._errors:
            self._errors[number] = type(str(name), (parent,), {})
        return self._errors[number]

    def _rebuild(self, answer: Dict[str, Any]) -> BaseException:
        kind = self._decode(answer.get("class"))
        args = [self._decode(item) for item in answer.get("args", [])]
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise self.stop("lost", "the program's half raised no exception")
        try:
            error = kind(*args)
        except Exception:
            error = kind.__new__(kind)
        return error

    def _restore(self, args: List[Any], changes: Any) -> None:
        """Repeats in the test's own objects what the program did to its copies of them."""
        mutable = [item for item in args if type(item) in serve.MUTABLE]
        for index, content in changes:
            _overwrite(mutable[index], self._decode(content))


def _overwrite(old: Any, new: Any) -> None:
    if type(old) is not type(new):
        return
    if type(old) is list:
        # Inner objects keep their identity where they can.
        for index, (mine, theirs) in enumerate(zip(old, new)):  # noqa: B905 (3.8)
            if type(mine) is type(theirs) and type(mine) in serve.MUTABLE:
                _overwrite(mine, theirs)
            else:
                old[index] = theirs
        old[len(new) :] = new[len(old) :]
    elif type(old) is dict:
        for key in [key for key in old if key not in new]:
            del old[key]
        for key, theirs in new.items():
            if type(old.get(key)) is type(theirs) and type(theirs) in serve.MUTABLE:
                _overwrite(old[key], theirs)
            else:
                old[key] = theirs
    elif type(old) is bytearray:
        old[:] = new
    else:
        old.clear()
        old.update(new)


def _number(remote: "Remote") -> int:
    return object.__getattribute__(remote, "_number")  # type: ignore[no-any-return]


def _peer(remote: "Remote") -> Peer:
    return object.__getattribute__(remote, "_peer")  # type: ignore[no-any-return]


class Remote:
    """An object of the program's."""

    __slots__ = ("_number", "_peer")

    def __init__(self, peer: Peer, number: int) -> None:
        object.__setattr__(self, "_peer", peer)
        object.__setattr__(self, "_number", number)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _peer(self).ask("call", self, list(args), kwargs)

    def __eq__(self, other: Any) -> Any:
        if other is self:
            return True
        return type(other) is Remote and bool(_peer(self).ask("eq", self, other))

    def __ne__(self, other: Any) -> Any:
        return not self == other

    def __hash__(self) -> int:
        return _number(self)

    def __contains__(self, item: Any) -> bool:
        return any(item is each or item == each for each in iter(self))  # type: ignore[call-overload]

    def __mro_entries__(self, bases: Any) -> Any:
        raise _peer(self).stop("unsplittable", "the test derives a class from the program's")

    def __instancecheck__(self, instance: Any) -> bool:
        # Values of builtin types are never instances of the program's classes.
        return type(instance) is Remote and bool(_peer(self).ask("isinstance", instance, self))

    def __subclasscheck__(self, kind: Any) -> bool:
        return type(kind) is Remote and bool(_peer(self).ask("issubclass", kind, self))

    def __bool__(self) -> bool:
        return bool(_peer(self).ask("bool", self))

    def __len__(self) -> int:
        return int(_peer(self).ask("len", self))


def _forwarding(operation: str) -> Callable[..., Any]:
    def forward(self: Remote, *args: Any) -> Any:
        return _peer(self).ask(operation, self, *args)

    return forward


def _arithmetic(operation: str, reflected: bool) -> Callable[..., Any]:
    def operate(self: Remote, other: Any) -> Any:
        operands = (other, self) if reflected else (self, other)
        result = _peer(self).ask(operation, *operands)
        # `abs(answer - 1.5) < eps` must not be answered by an object that sees the 1.5.
        if type(other) is not Remote and type(result) is not Remote:
            return NotImplemented
        return result

    return operate


def _ordering(operation: str) -> Callable[..., Any]:
    def compare(self: Remote, other: Any) -> Any:
        if type(other) is not Remote:
            return NotImplemented
        return bool(_peer(self).ask(operation, self, other))

    return compare


for _name in (
    "getattr setattr delattr getitem setitem delitem iter next reversed str repr neg pos abs "
    "enter exit"
).split():
    setattr(Remote, "__%s__" % _name, _forwarding(_name))
for _name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split():
    _operator = _name + "_" if _name in ("and", "or") else _name
    setattr(Remote, "__%s__" % _name, _arithmetic(_operator, reflected=False))
    setattr(Remote, "__r%s__" % _name, _arithmetic(_operator, reflected=True))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Remote, "__%s__" % _name, _ordering(_name))
