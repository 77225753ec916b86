"""What the grader and a guest in a container know of each other before they speak."""

from __future__ import annotations

import binascii
import os

#: How a guest begins that cannot call us.
UNREACHABLE = "the grader's socket cannot be reached"
#: The status of a container that ended because it was forgotten, or had lived for long enough.
LIFETIME_OVER = 124


def version() -> str:
    """Tells this guest from others: a checksum of its text."""
    folder = os.path.dirname(os.path.abspath(__file__))
    checksum = 0
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb") as file:
                checksum = binascii.crc32(name.encode() + file.read(), checksum)
    return "%08x" % checksum
