"""How the process of a program that ran to its end leaves: as the interpreter would.

A shut-down of the whole interpreter costs several times what a small program does, in a forked
process most of all. Where no object is left whose end could be seen, it is left out.
"""

from __future__ import annotations

import _io
import _thread
import atexit
import gc
import os
import sys
import types
from typing import Any, NoReturn, Set

from . import values

# Their end can run code, or write what they hold back.
_LIVING = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
_WRITING = (_io.BufferedWriter, _io.BufferedRandom, _io.BufferedRWPair)
_HARMLESS: Set[type] = {_io.FileIO, _io.BufferedReader, _io.BytesIO, _io.StringIO}
_STREAMS = (sys.__stdout__, sys.__stderr__)
_namespace = type.__dict__["__dict__"].__get__


def end(code: Any) -> NoReturn:
    """Ends as ``sys.exit(code)`` at the top level does."""
    gc.unfreeze()  # the shut-down frees all that it can reach, the standard streams among it
    raise SystemExit(code)


def end_quickly(code: Any) -> NoReturn:
    """The same, without the interpreter's shut-down where nobody could tell.

    Asks for what was made since ``gc.freeze()``: call it only where that was called before.
    """
    if code is None or (type(code) is int and 0 <= code <= 255):
        threading = sys.modules.get("threading")
        if threading is not None and (_thread._count() or _has_exits(threading)):
            threading._shutdown()
        atexit._run_exitfuncs()
        if not _something_is_left() and _flushed():
            os._exit(code or 0)
    end(code)


def _has_exits(threading: Any) -> bool:
    """Whether something is to be done when all threads are over (CPython 3.9 and later)."""
    return bool(getattr(threading, "_threading_atexits", ()))


def flush() -> None:
    """Writes what the program printed, as far as that is possible."""
    for name in ("stderr", "stdout"):
        try:
            getattr(sys, name).flush()
        except BaseException:
            pass


def _flushed() -> bool:
    """Whether all is written; a failure is left to the interpreter to tell."""
    try:
        for stream in (sys.stdout, sys.stderr, *_STREAMS):
            if stream is not None and not stream.closed:
                stream.flush()
        return True
    except BaseException:
        return False


def _something_is_left() -> bool:
    kinds: Set[type] = set()
    try:
        for item in gc.get_objects():
            kind = type(item)
            if kind is _io.TextIOWrapper:
                if not item.closed and item.writable():
                    return True
            elif kind in _WRITING:
                if not item.closed:
                    return True
            elif kind not in _HARMLESS:
                kinds.add(kind)
        return any(kind in _LIVING or _has_finalizer(kind) for kind in kinds)
    except BaseException:  # it asks objects of the program's
        return True


def know_harmless_kinds() -> None:
    """Looks at all classes that there are now, so that `end_quickly` need not."""
    living = gc.get_objects()
    kinds = [type(item) for item in living]
    # Not isinstance: a proxy of a class passes for one there.
    kinds += [item for item in living if issubclass(type(item), type)]
    special = (_io.TextIOWrapper, *_WRITING, *_LIVING)
    _HARMLESS.update(kind for kind in kinds if kind not in special and not _has_finalizer(kind))


def _has_finalizer(kind: type) -> bool:
    return any("__del__" in _namespace(base) for base in values.base_classes(kind))
