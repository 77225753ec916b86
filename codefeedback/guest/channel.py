"""Frames over a descriptor: two lengths of eight bytes, ASCII JSON, then bytes as they are."""

from __future__ import annotations

import json
import os
import struct
from typing import Any, List, Tuple

_LENGTHS = struct.Struct(">QQ")
_PART = 1 << 20

#: No frame may be longer: a forged length must not make the reader reserve memory.
MAX_FRAME_BYTES = 1 << 30


class ChannelClosed(Exception):
    """The other side is gone, or sent something that is no frame."""


def frame(message: Any, *blobs: bytes) -> bytes:
    """A message with bytes beside it. A message that is a dict tells their sizes."""
    if blobs:
        message = {**message, "sizes": [len(blob) for blob in blobs]}
    # Lone surrogates are legal in Python strings; ASCII escapes carry them.
    body = json.dumps(message).encode("ascii")
    return b"".join((_LENGTHS.pack(len(body), sum(map(len, blobs))), body, *blobs))


def send(fd: int, message: Any, *blobs: bytes) -> None:
    """Sends one message. Raises ChannelClosed when nobody listens."""
    send_frame(fd, frame(message, *blobs))


def send_frame(fd: int, data: bytes) -> None:
    """Sends a frame that was made before."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view[:_PART]) :]
    except OSError as error:
        raise ChannelClosed(str(error)) from None


def receive(fd: int, max_bytes: int = MAX_FRAME_BYTES) -> Any:
    """Receives one message. Raises ChannelClosed at the end of the stream or for a bad frame."""
    message, data = _receive(fd, max_bytes)
    if data:
        raise ChannelClosed("a frame with bytes that nobody asked for")
    return message


def receive_with_bytes(fd: int, max_bytes: int = MAX_FRAME_BYTES) -> Tuple[Any, Tuple[bytes, ...]]:
    """Receives a message and the bytes beside it. Raises as `receive` does."""
    message, data = _receive(fd, max_bytes)
    blobs, start = [], 0
    for size in message.get("sizes", ()):
        blobs.append(data[start : start + size])
        start += size
    return message, tuple(blobs)


def _receive(fd: int, max_bytes: int) -> Tuple[Any, bytes]:
    length, more = _LENGTHS.unpack(_read(fd, _LENGTHS.size))
    if length + more > max_bytes:
        raise ChannelClosed("a frame of %d bytes" % (length + more))
    data = _read(fd, length + more)
    try:
        return json.loads(data[:length]), data[length:]
    except (ValueError, RecursionError) as error:
        raise ChannelClosed("a frame that is no JSON: %s" % error) from None


def _read(fd: int, count: int) -> bytes:
    parts: List[bytes] = []
    while count:
        try:
            part = os.read(fd, min(count, _PART))
        except OSError as error:
            raise ChannelClosed(str(error)) from None
        if not part:
            raise ChannelClosed("end of stream")
        if len(part) == count and not parts:
            return part
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
