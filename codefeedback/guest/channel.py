"""Frames of JSON over a file descriptor: eight bytes of length, then ASCII text."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

_LENGTH = struct.Struct(">Q")
_PART = 1 << 20

#: No frame may be longer: a forged length must not make the reader reserve memory.
MAX_FRAME_BYTES = 1 << 30


class ChannelClosed(Exception):
    """The other side is gone, or sent something that is no frame."""


def send(fd: int, message: Any) -> None:
    """Sends one message. Raises ChannelClosed when nobody listens."""
    # Lone surrogates are legal in Python strings; ASCII escapes carry them.
    body = json.dumps(message).encode("ascii")
    view = memoryview(_LENGTH.pack(len(body)) + body)
    try:
        while view:
            view = view[os.write(fd, view[:_PART]) :]
    except OSError as error:
        raise ChannelClosed(str(error)) from None


def receive(fd: int, max_bytes: int = MAX_FRAME_BYTES) -> Any:
    """Receives one message. Raises ChannelClosed at the end of the stream or for a bad frame."""
    (length,) = _LENGTH.unpack(_read(fd, _LENGTH.size))
    if length > max_bytes:
        raise ChannelClosed("a frame of %d bytes" % length)
    try:
        return json.loads(_read(fd, length))
    except (ValueError, RecursionError) as error:
        raise ChannelClosed("a frame that is no JSON: %s" % error) from None


def _read(fd: int, count: int) -> bytes:
    parts = []
    while count:
        try:
            part = os.read(fd, min(count, _PART))
        except OSError as error:
            raise ChannelClosed(str(error)) from None
        if not part:
            raise ChannelClosed("end of stream")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
