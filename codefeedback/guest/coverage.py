"""Which lines of a program run, where that is asked for.

Marks go straight into memory that is shared with the supervisor: what a program ran is known also
when it is killed, crashes, or leaves by ``os._exit``. Only the program's own code objects count, by
identity: text that it compiles itself is not its text, whatever name it gives it.

There are two regions of `lines` + 1 bytes, of which byte N stands for line N: lines that ran, and
lines that ran while the top level was loaded. The very first byte is `WORKED` if that is all that
ran.

A line counts where CPython raises a line event for it:

- of a statement over several lines, the lines on which a part of it was evaluated
- ``def`` and ``class`` where the statement ran, with the lines of decorators and defaults; the
  ``def`` line is no line of the function's body, unless the body starts there
- not what the compiler left out: before CPython 3.10 ``while True:``, ``if 0:`` and defaults that
  are constants as well

From CPython 3.12 on `sys.monitoring` tells, once per place, at next to no cost. Before that it is
`sys.settrace`, which slows all calls; what a program does to it (a trace function of its own, a
thread started by ``_thread``, a RecursionError) can lose marks, but adds none. With tens of
thousands of lines in one code object CPython itself takes long to tell which one runs.
"""

from __future__ import annotations

import opcode
import sys
import types
from typing import Any, Callable, Dict, List, Optional, Set

_monitoring: Any = getattr(sys, "monitoring", None)
_TOOL = 4  # one that has no purpose of its own, so that programs hardly ask for it
_TOOL_NAME = "lines"
_RESUME = bytes([opcode.opmap.get("RESUME", 255)])  # CPython 3.11; 255 is no opcode
#: What the first byte says: nothing was watched, all was, or the program stopped us.
NOTHING, WORKED, STOPPED = 0, 1, 2
# Names by which a program keeps a frame, or a thread, from being traced.
_SILENCING = {"f_trace", "f_trace_lines", "start_new_thread"}
_setting = False
_Trace = Callable[[types.FrameType, str, Any], Any]


def marks_bytes(lines: int) -> int:
    """The size of a file for the marks of a program of so many lines."""
    return 2 * (lines + 1)


def watch(code: types.CodeType, fd: int, lines: int, loads: bool) -> Optional["Watch"]:
    """Marks the lines of `code` and of all code in it from now on, in the file `fd`.

    `loads` says that the top level comes first, of which `Watch.loaded` tells the end. None where
    that cannot be done: it must not change how the program fares.
    """
    try:
        import mmap

        return Watch(_all_code(code), mmap.mmap(fd, marks_bytes(lines)), lines, loads)
    except (ImportError, OSError, ValueError, MemoryError):
        return None


class Watch:
    """See `watch`."""

    def __init__(self, codes: List[types.CodeType], marks: Any, lines: int, loads: bool) -> None:
        self._codes = codes  # kept alive, so that their ids stay their own
        self._marks = marks
        self._lines = lines
        self._base = lines + 1 if loads else 0
        self._unseen: Dict[int, Set[int]] = {}
        self._steps: Dict[int, _Trace] = {}
        marks[0] = WORKED
        if _monitoring:
            self._monitor()
        else:
            self._trace()
            if any(_SILENCING & {*code.co_names, *_texts(code)} for code in codes):
                self._stopped()
            _on_audit(self._stopped)

    def settle(self) -> None:
        """What may be the end: says so if the program, or a RecursionError, stopped the watch."""
        if _monitoring:
            events = _monitoring.events.LINE | _monitoring.events.PY_START
            watched = _monitoring.get_tool(_TOOL) == _TOOL_NAME
            watched = watched and _monitoring.get_local_events(_TOOL, self._codes[0]) == events
        else:
            watched = sys.gettrace() == self._enter
        if not watched:
            self._stopped()

    def _stopped(self) -> None:
        self._marks[0] = STOPPED

    def loaded(self) -> None:
        """The top level was executed: lines that run from now on are marked once more."""
        self._base = 0
        if _monitoring:
            _monitoring.restart_events()
        else:
            for code in self._codes:
                self._unseen[id(code)].update(_lines_of(code, self._lines))
            _set_trace(self._enter)

    def _monitor(self) -> None:
        marks, lines, disable = self._marks, self._lines, _monitoring.DISABLE
        events = _monitoring.events

        def mark(_: types.CodeType, line: int) -> Any:
            if 0 < line <= lines:
                marks[self._base + line] = 1
            return disable

        def start(code: Any, offset: int) -> Any:
            # CPython 3.13 has no event for a body that starts on the line of its `def`.
            first, *rest = (place[0] for place in [*code.co_positions()][offset // 2 :][:2])
            return mark(code, first) if [first] == rest and first else disable

        _monitoring.use_tool_id(_TOOL, _TOOL_NAME)
        _monitoring.register_callback(_TOOL, events.LINE, mark)
        _monitoring.register_callback(_TOOL, events.PY_START, start)
        for code in self._codes:
            _monitoring.set_local_events(_TOOL, code, events.LINE | events.PY_START)

    def _trace(self) -> None:
        for code in self._codes:
            self._unseen[id(code)] = _lines_of(code, self._lines)
            self._steps[id(code)] = self._step(code)
        _set_trace(self._enter)

    def _enter(self, frame: types.FrameType, event: str, _: Any) -> Optional[_Trace]:
        known = id(frame.f_code)
        if not self._unseen.get(known):
            return None
        frame.f_trace_lines = True
        return self._steps[known]

    def _step(self, code: types.CodeType) -> _Trace:
        unseen, marks = self._unseen[id(code)], self._marks

        def step(frame: types.FrameType, event: str, _: Any) -> _Trace:
            line = frame.f_lineno
            if line in unseen:
                marks[self._base + line] = 1
                unseen.discard(line)
            if not unseen:
                frame.f_trace_lines = False
            return step

        return step


def _set_trace(function: Any) -> None:
    import threading

    global _setting
    _setting = True
    threading.settrace(function)
    sys.settrace(function)
    _setting = False


def _on_audit(stopped: Callable[[], None]) -> None:
    """Calls `stopped` when somebody else sets a trace function."""
    import threading

    own = threading.__file__

    def hear(event: str, arguments: Any) -> None:
        if event == "sys.settrace" and not _setting:
            if sys._getframe(1).f_code.co_filename != own:  # a thread that gets ours
                stopped()

    sys.addaudithook(hear)


def _texts(code: types.CodeType) -> List[str]:
    return [each for each in code.co_consts if type(each) is str]


def _all_code(code: types.CodeType) -> List[types.CodeType]:
    found, waiting = [], [code]
    while waiting:
        found.append(waiting.pop())
        waiting += [each for each in found[-1].co_consts if isinstance(each, types.CodeType)]
    return found


def _lines_of(code: Any, lines: int) -> Set[int]:
    """The lines for which there can be an event."""
    if hasattr(code, "co_lines"):  # CPython 3.10
        start = code.co_code[::2].find(_RESUME) + 1  # what comes before has a line and no event
        found = [line for _, end, line in code.co_lines() if end > 2 * start]
    else:
        import dis

        found = [line for _, line in dis.findlinestarts(code)]
    return {line for line in found if line is not None and 0 < line <= lines}
