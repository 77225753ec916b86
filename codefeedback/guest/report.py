"""The one file in which a process of the guest says what happened. The last word counts.

The program can write here too: whatever stands here is a claim about values and places, never a
verdict.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

#: What a child says to its supervisor, aside from its report.
TAKEN, COMPILED = b"t", b"c"

#: The status of one that could not be set up, and ran nothing of a program.
UNREADY = 70

#: A longer report is not read: its values could cost the grader gigabytes.
MAX_BYTES = 8 << 20

_TOO_LARGE = b'{"phase": "overflow"}'
_NO_MEMORY = b'{"phase": "run", "exception": {"type": "MemoryError", "bases": ["MemoryError"]}}'
_fd = -1

# Taken now: the program may replace what these modules hold.
_dumps, _truncate, _write = json.dumps, os.ftruncate, os.pwrite


def open_at(fd: int) -> None:
    """Reports go to this descriptor from now on."""
    global _fd
    _fd = fd


def write(data: Dict[str, Any]) -> None:
    """Replaces the report. One that does not fit says so; one that cannot be written is none."""
    try:
        _replace(encoded(data))
    except Exception as error:
        # Too large for the memory or for the file limit, or values of a class that lies.
        try:
            _replace(_NO_MEMORY if type(error) is MemoryError else _TOO_LARGE)
        except OSError:
            pass


def encoded(data: Dict[str, Any]) -> bytes:
    return _dumps(data).encode("ascii")


def running(compiled: Optional[int]) -> None:
    """Says that the program compiled and runs: here, and at the descriptor `compiled`, where the
    program cannot take it back. None if that is known."""
    try:
        _replace(b'{"phase": "run"}')
    except OSError:
        pass
    if compiled is not None:
        os.write(compiled, COMPILED)
        os.close(compiled)


def _replace(body: bytes) -> None:
    _truncate(_fd, 0)
    view, offset = memoryview(body), 0
    while offset < len(body):
        offset += _write(_fd, view[offset:], offset)
