"""What a fork of this process must not share with it: locks that another thread holds there,
threads that it does not have, processes that are its parent's."""

from __future__ import annotations

import contextlib
import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something that goes on working in a fork."""

    def forked(self) -> None:
        """Called in the fork: lets go of what is the parent's."""


_LIVING: weakref.WeakSet[Forkable] = weakref.WeakSet()


def notify(thing: Forkable) -> None:
    """`thing` will be told of each fork for as long as it lives."""
    _LIVING.add(thing)


def _in_a_fork() -> None:
    for thing in list(_LIVING):
        with contextlib.suppress(Exception):  # one that is being made, or never was
            thing.forked()


os.register_at_fork(after_in_child=_in_a_fork)
