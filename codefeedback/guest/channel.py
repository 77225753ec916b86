"""Frames over a descriptor: two lengths of eight bytes, ASCII JSON, then bytes as they are."""

from __future__ import annotations

import json
import os
import struct
from typing import Any, Callable, List, Optional, Tuple

_LENGTHS = struct.Struct(">QQ")
_PART = 1 << 20

_Wait = Callable[[], None]

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


def send_frame(fd: int, data: bytes, wait: Optional[_Wait] = None) -> None:
    """Sends a frame that was made before. `wait` is for a descriptor that does not block: it is
    called to wait until there is room."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view[:_PART]) :]
        except BlockingIOError:
            assert wait is not None
            wait()
        except OSError as error:
            raise ChannelClosed(str(error)) from None


def receive(fd: int, max_bytes: int = MAX_FRAME_BYTES, wait: Optional[_Wait] = None) -> Any:
    """Receives one message. Raises ChannelClosed at the end of the stream or for a bad frame.
    `wait` is called to wait until there is something on a descriptor that does not block."""
    message, data = _receive(fd, max_bytes, wait)
    if data:
        raise ChannelClosed("a frame with bytes that nobody asked for")
    return message


def receive_with_bytes(
    fd: int, max_bytes: int = MAX_FRAME_BYTES, wait: Optional[_Wait] = None
) -> Tuple[Any, Tuple[bytes, ...]]:
    """Receives a message and the bytes beside it. Raises as `receive` does."""
    message, data = _receive(fd, max_bytes, wait)
    blobs, start = [], 0
    try:
        for size in message.get("sizes", ()):
            blobs.append(data[start : start + size])
            start += size
    except (AttributeError, TypeError) as error:
        raise ChannelClosed("a frame that is none of ours: %s" % error) from None
    return message, tuple(blobs)


def _receive(fd: int, max_bytes: int, wait: Optional[_Wait]) -> Tuple[Any, bytes]:
    length, more = _LENGTHS.unpack(_read(fd, _LENGTHS.size, wait))
    if length + more > max_bytes:
        raise ChannelClosed("a frame of %d bytes" % (length + more))
    data = _read(fd, length + more, wait)
    try:
        return json.loads(data[:length]), data[length:]
    except (ValueError, RecursionError) as error:
        raise ChannelClosed("a frame that is no JSON: %s" % error) from None


def _read(fd: int, count: int, wait: Optional[_Wait]) -> bytes:
    parts: List[bytes] = []
    while count:
        try:
            part = os.read(fd, min(count, _PART))
        except BlockingIOError:
            assert wait is not None
            wait()
            continue
        except OSError as error:
            raise ChannelClosed(str(error)) from None
        if not part:
            raise ChannelClosed("end of stream")
        if len(part) == count and not parts:
            return part
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
