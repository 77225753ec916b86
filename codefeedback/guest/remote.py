"""The program's objects as the test's half of a split test sees them.

What comes from the program is a plain value or a `Remote`. The program must never be able to
answer a comparison with a plain value, nor learn the value that its answer is compared with: a
Remote equals no plain value, cannot be ordered or subtracted with one, and what other arithmetic
with one yields can only be looked into by attribute, item and call.
"""

from __future__ import annotations

import _thread
import builtins
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

from . import channel, serve, values

# What the program sends in one message; a hostile one must not fill this half's memory.
_MAX_ANSWER_BYTES = 64 << 20
# Containers handed out by attributes whose changes are told to the program.
_MAX_LENT = 32
_NUMBER, _PEER = "_codefeedback_number", "_codefeedback_peer"


class Stopped(BaseException):
    """The test cannot go on: the program's half is gone."""


class Peer:
    """The channel to the program's half, from the test's half."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = _thread.RLock()
        self._callbacks = serve.Handles()
        self._remotes: Dict[int, Remote] = {}
        self._errors: Dict[int, type] = {}
        self._lent: List[Tuple[int, Any, Any]] = []
        #: Why the test stopped, if it did; sticky, since the test may swallow the exception.
        self.stopped: Optional[str] = None
        #: Exceptions of the program's that were raised here, with their traces.
        self.raised: List[Tuple[BaseException, Dict[str, Any]]] = []
        self.missing: List[str] = []
        #: How often the test asked for anything of the program's.
        self.asked = 0
        #: Numbers of Remotes that the program made with a plain operand in view.
        self.tainted: Dict[int, bool] = {}

    def stop(self, reason: str) -> Stopped:
        self.stopped = self.stopped or reason
        return Stopped(reason)

    def wait_ready(self) -> None:
        self._receive()

    def ask(self, operation: str, *args: Any) -> Any:
        """Does something to the program's objects; its exceptions are raised here."""
        with self._lock:  # the test may have threads
            self.asked += 1
            self._return_lent()
            shared = serve.Shared()
            encoded = [self._encode(item, shared) for item in args]
            self._send({"op": operation, "args": encoded})
            while True:
                answer = self._receive()
                if "callback" not in answer:
                    break
                self._serve_callback(answer)
            return self._take(operation, answer, shared)

    def _take(self, operation: str, answer: Dict[str, Any], shared: serve.Shared) -> Any:
        if "raise" in answer:
            raise self._rebuild(operation, answer)
        if "missing" in answer:
            self.missing.append(str(answer["missing"]))
            raise NameError(answer["missing"])
        for number, content in answer.get("changed", []):
            if number in shared.objects:
                serve.OPERATIONS["overwrite"](shared.objects[number], self._decode(content, shared))
        value = self._decode(answer.get("value"), shared)
        if "lent" in answer and type(value) in values.SHARED:
            self._lent.append((answer["lent"], value, self._encode(value, serve.Shared())))
            del self._lent[:-_MAX_LENT]
        return value

    def _return_lent(self) -> None:
        """Tells the program what the test did to containers that its attributes handed out."""
        lent, self._lent = self._lent, []
        for number, value, before in lent:
            now = self._encode(value, serve.Shared())
            if now != before:
                self.ask("overwrite", self._remote(number), value)
            self._lent.append((number, value, now))

    def _send(self, message: Any) -> None:
        if self.stopped is not None:
            raise Stopped(self.stopped)
        try:
            channel.send(self._writer, message)
        except channel.ChannelClosed as error:
            raise self.stop(str(error)) from None

    def _receive(self) -> Dict[str, Any]:
        if self.stopped is not None:
            raise Stopped(self.stopped)
        try:
            message = channel.receive(self._reader, _MAX_ANSWER_BYTES)
        except channel.ChannelClosed as error:
            raise self.stop(str(error)) from None
        if not isinstance(message, dict):
            raise self.stop("the program's half sent no message")
        return message

    def _serve_callback(self, message: Dict[str, Any]) -> None:
        shared = serve.Shared()
        try:
            target = self._callbacks[message["callback"]]
            if message["op"] == "next":
                value = next(target)
            else:
                args = [self._decode(item, shared) for item in message["args"]]
                kwargs = {
                    name: self._decode(item, shared) for name, item in message["kwargs"].items()
                }
                value = target(*args, **kwargs)
            answer = {"value": values.encode(value, self._by_reference)}
        except StopIteration:
            answer = {"stop": True}
        except Exception as error:
            bases = [serve.value_type(base) for base in values.base_classes(type(error))]
            answer = {"raise": next(base for base in bases if base), "args": [str(error)]}
        self._send(answer)

    def _encode(self, value: Any, shared: serve.Shared) -> Any:
        return values.encode(value, self._by_reference, shared.offer, _rich_as_handle)

    def _by_reference(self, target: Any) -> Any:
        if type(target) is Remote:
            return {"$handle": _number(target)}
        if target is Ellipsis:
            return {"$ellipsis": None}
        if isinstance(target, slice):
            parts = (target.start, target.stop, target.step)
            return {"$slice": [self._encode(part, serve.Shared()) for part in parts]}
        name = serve.value_type(target)
        if name is None and isinstance(target, _BUILTIN_TYPES):
            name = getattr(target, "__name__", "")
            name = name if getattr(builtins, name, None) is target else None
        if name is not None:
            return {"$builtin": name}
        for number, kind in self._errors.items():
            if kind is target:
                return {"$error": [number, "", ""]}
        if isinstance(target, type) or not (callable(target) or hasattr(target, "__next__")):
            kind_name = values.type_name(type(target))
            raise TypeError("a test in a process of its own cannot pass a " + kind_name)
        return {"$callback": self._callbacks.number(target)}

    def _decode(self, data: Any, shared: serve.Shared) -> Any:
        tags: Dict[str, Callable[[Any], Any]] = {
            "$handle": self._remote,
            "$error": lambda content: self._error_class(*content),
            "$builtin": self._builtin,
            "$ellipsis": lambda _: Ellipsis,
            "$slice": lambda parts: slice(*(self._decode(part, shared) for part in parts)),
            "$same": lambda number: shared.objects[number],
            "$rich": lambda content: self._rich(content[0], self._decode(content[1], shared)),
        }
        try:
            return values.decode(data, tags)
        except (ValueError, LookupError) as error:
            raise self.stop("the program's half sent no value: %s" % error) from None

    def _builtin(self, name: Any) -> Any:
        found = getattr(builtins, name, None) if type(name) is str else None
        # `except Answer:` must not catch the test's own failure.
        if serve.value_type(found) is None or issubclass(AssertionError, found):  # type: ignore[arg-type]
            raise ValueError("no builtin")
        return found

    def _remote(self, number: Any) -> "Remote":
        if type(number) is not int:
            raise ValueError("no handle")
        if number not in self._remotes:
            self._remotes[number] = Remote(self, number)
        return self._remotes[number]

    def _rich(self, number: Any, content: Any) -> Any:
        made = _RICH.get(type(content))
        if made is None:
            return content
        value = made(content)
        value.__dict__[_PEER] = self._remote(number)
        return value

    def _error_class(self, number: Any, name: Any, base: Any) -> type:
        """A local class for an exception class of the program's, so that `except` can name it."""
        parent = getattr(builtins, base, None) if type(base) is str else None
        if not (isinstance(parent, type) and issubclass(parent, BaseException)):
            raise ValueError("no exception class")
        if number not in self._errors:
            self._errors[number] = type(str(name), (parent,), dict(_ERROR_METHODS))
        return self._errors[number]

    def _rebuild(self, operation: str, answer: Dict[str, Any]) -> BaseException:
        named = answer.get("class")
        if isinstance(named, dict) and "$builtin" in named:
            kind = getattr(builtins, str(named["$builtin"]), None)
        else:
            kind = self._decode(named, serve.Shared())
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise self.stop("the program's half raised no exception")
        args = [self._decode(item, serve.Shared()) for item in answer.get("args", [])]
        if issubclass(kind, StopIteration) and operation != "next":
            # Inside a generator or `map` of the test's it would end the test's loop.
            kind, args = RuntimeError, ["StopIteration"]
        try:
            error = kind(*args)
        except Exception:
            error = _bare(kind)
        if any(kind is local for local in self._errors.values()):
            error.__dict__[_PEER] = self._remote(answer.get("self"))
        # Without a frame of the program's, and no call of it, the test used a value wrongly: the
        # answer is wrong, but nothing was raised.
        if operation == "call" or answer["raise"].get("frames"):
            self.raised.append((error, answer["raise"]))
        return error


_BUILTIN_TYPES = (type, type(len))


def _number(remote: "Remote") -> int:
    return object.__getattribute__(remote, _NUMBER)  # type: ignore[no-any-return]


def _peer(remote: "Remote") -> Peer:
    return object.__getattribute__(remote, _PEER)  # type: ignore[no-any-return]


class Remote:
    """An object of the program's."""

    __slots__ = (_NUMBER, _PEER)

    def __init__(self, peer: Peer, number: int) -> None:
        object.__setattr__(self, _PEER, peer)
        object.__setattr__(self, _NUMBER, number)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _peer(self).ask("call", self, list(args), kwargs)

    def __eq__(self, other: Any) -> Any:
        if other is self:
            return True
        return type(other) is Remote and bool(_peer(self).ask("eq", self, other))

    def __ne__(self, other: Any) -> Any:
        return not self == other

    def __hash__(self) -> int:
        return int(_ask_untainted(self, "hash"))

    def __contains__(self, item: Any) -> bool:
        return any(item is each or item == each for each in iter(self))  # type: ignore[call-overload]

    def __mro_entries__(self, bases: Any) -> Any:
        raise TypeError("a test in a process of its own cannot derive from the program's classes")

    def __instancecheck__(self, instance: Any) -> bool:
        # Values of builtin types are never instances of the program's classes.
        if type(instance) in _RICH.values():
            instance = instance.__dict__[_PEER]
        return type(instance) is Remote and bool(_peer(self).ask("isinstance", instance, self))

    def __subclasscheck__(self, kind: Any) -> bool:
        return type(kind) is Remote and bool(_peer(self).ask("issubclass", kind, self))

    def __bool__(self) -> bool:
        return bool(_ask_untainted(self, "bool"))

    def __len__(self) -> int:
        return int(_ask_untainted(self, "len"))

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if error is None:
            return bool(_peer(self).ask("exit", self, None, []))
        known = kind if serve.value_type(kind) else RuntimeError
        swallowed = bool(_peer(self).ask("exit", self, known, [str(error)]))
        # The test's own failure is not the program's to forgive.
        return swallowed and not isinstance(error, (AssertionError, Stopped))

    def __deepcopy__(self, memo: Any) -> Any:
        return _peer(self).ask("deepcopy", self)


def _ask_untainted(remote: Remote, operation: str, *args: Any) -> Any:
    """An operation that may make a plain value of an object: not of one that was made with a
    plain operand in view."""
    peer = _peer(remote)
    result = peer.ask(operation, remote, *args)
    if _number(remote) in peer.tainted:
        if type(result) is not Remote:
            raise TypeError("the result of arithmetic with a plain value is no plain value")
        peer.tainted[_number(result)] = True
    return result


def _looking(operation: str) -> Callable[..., Any]:
    def look(self: Remote, *args: Any) -> Any:
        return _peer(self).ask(operation, self, *args)

    return look


def _converting(operation: str) -> Callable[..., Any]:
    def convert(self: Remote, *args: Any) -> Any:
        return _ask_untainted(self, operation, *args)

    return convert


def _arithmetic(operation: str, reflected: bool, plain_allowed: bool) -> Callable[..., Any]:
    def operate(self: Remote, other: Any) -> Any:
        plain = type(other) is not Remote
        if plain and not plain_allowed:
            return NotImplemented
        peer = _peer(self)
        result = peer.ask(operation, *((other, self) if reflected else (self, other)))
        if plain or _number(self) in peer.tainted or _number(other) in peer.tainted:
            if type(result) is not Remote:
                return NotImplemented
            peer.tainted[_number(result)] = True
        return result

    return operate


def _ordering(operation: str) -> Callable[..., Any]:
    def compare(self: Remote, other: Any) -> Any:
        if type(other) is not Remote:
            return NotImplemented
        return bool(_peer(self).ask(operation, self, other))

    return compare


def _complete_remote() -> None:
    for name in "getattr setattr delattr getitem setitem delitem enter copy".split():
        setattr(Remote, "__%s__" % name, _looking(name))
    for name in (
        "iter next reversed str repr format int float index round neg pos abs invert"
    ).split():
        setattr(Remote, "__%s__" % name, _converting(name))
    for name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split():
        operation = name + "_" if name in ("and", "or") else name
        # What tests do to objects with plain numbers; no answer is checked by one of these.
        allowed = name in ("add", "mul", "matmul", "truediv")
        setattr(Remote, "__%s__" % name, _arithmetic(operation, False, allowed))
        setattr(
            Remote, "__r%s__" % name, _arithmetic(operation, True, allowed and name != "truediv")
        )
    for name in ("lt", "le", "gt", "ge"):
        setattr(Remote, "__%s__" % name, _ordering(name))


_complete_remote()


def _rich_class(base: Type[Any]) -> type:
    """A builtin type whose instances have the attributes of an object of the program's as well."""

    def look(self: Any, name: str) -> Any:
        if name == _PEER or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        return getattr(self.__dict__[_PEER], name)

    def show(operation: str) -> Callable[[Any], str]:
        return lambda self: str(_peer(self.__dict__[_PEER]).ask(operation, self.__dict__[_PEER]))

    methods = {"__getattr__": look, "__repr__": show("repr"), "__str__": show("str")}
    return type(base.__name__, (base,), methods)


_RICH: Dict[type, Any] = {
    base: _rich_class(base)
    for base in (int, float, complex, str, bytes, list, tuple, dict, set, frozenset)
}


def _rich_as_handle(value: Any, plain: Callable[[], Any]) -> Any:
    remote = value.__dict__.get(_PEER) if type(value) in _RICH.values() else None
    return plain() if remote is None else {"$handle": _number(remote)}


def _error_attribute(self: BaseException, name: str) -> Any:
    if name.startswith("_") or _PEER not in self.__dict__:
        raise AttributeError(name)
    return getattr(self.__dict__[_PEER], name)


def _error_text(self: BaseException) -> str:
    if _PEER not in self.__dict__:
        return BaseException.__str__(self)
    return str(self.__dict__[_PEER])


_ERROR_METHODS = {"__getattr__": _error_attribute, "__str__": _error_text}


def _bare(kind: Any) -> BaseException:
    """An exception of a class that does not take the arguments that we have for it."""
    try:
        error: BaseException = kind.__new__(kind)
    except Exception:  # a group needs its members
        error = Exception(values.type_name(kind))
    return error
