"""The default sandbox on Linux: locked processes that are forked from an interpreter kept ready.

grader -> zygote (one per worker, locked once) -> [supervisor of a program with several cases] ->
the program's process. What each may do is in docs/sandbox.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from codefeedback.errors import SandboxUnavailableError
from codefeedback.guest import cgroups
from codefeedback.sandbox.guests import GuestSandbox, installed_paths
from codefeedback.sandbox.probe import Offer, offer_of
from codefeedback.sandbox.worker import GuestSettings, Worker


class LocalSandbox(GuestSandbox):
    """Runs programs under the strongest confinement that works here without any set-up.

    python         the interpreter that runs the programs, CPython 3.8 or later (default: this one)
    site_packages  let programs import what is installed beside `python`
    paths          more folders that programs may read, and import from
    preload        modules that every program finds imported already (numpy), for speed
    workers        how many programs will run at a time: from two on, each keeps to one processor
    namespaces     False does without namespaces where they would work

    Raises UsageError for an interpreter that does not run, SandboxUnavailableError where system
    calls cannot be filtered (`PortableSandbox` works there).
    """

    name = "local"

    def __init__(
        self,
        *,
        python: str | None = None,
        site_packages: bool = False,
        paths: Sequence[str] = (),
        preload: Sequence[str] = (),
        workers: int = 1,
        namespaces: bool = True,
    ) -> None:
        super().__init__()
        paths = (*installed_paths(python, site_packages), *paths)
        python = python or sys.executable
        offer = offer_of(python)
        if offer.seccomp is None:
            raise SandboxUnavailableError(
                f"the local sandbox does not work here: {offer.seccomp_reason}; "
                "the portable one (--sandbox portable) needs nothing, and promises less"
            )
        namespaces = namespaces and offer.namespaces
        self.hides_files = namespaces or offer.landlock > 0
        self.tier = _tier(offer, namespaces)
        self._settings = GuestSettings(
            python=python,
            paths=paths,
            preload=tuple(preload),
            serves_many=True,
            landlock=offer.landlock > 0,
            seccomp=offer.seccomp,
            namespaces=namespaces,
            cgroups=offer.cgroups,
        )
        if offer.cgroups:
            cgroups.remove_stale()
        processors = sorted(os.sched_getaffinity(0))
        self._free_processors = processors if 1 < workers <= len(processors) else []
        self._idle: list[Worker] = []
        self._pid = os.getpid()

    def close(self) -> None:
        super().close()
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def _take(self) -> Worker:
        with self._lock:
            if self._pid != os.getpid():
                # A fork of the grader: the guests are its parent's.
                for worker in (*self._idle, *self._busy):
                    worker.forget()
                self._idle, self._busy, self._pid = [], set(), os.getpid()
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                self._end(worker)
            processor = self._free_processors.pop(0) if self._free_processors else None
        try:
            return Worker(self._settings, processor=processor)
        except BaseException:
            self._release(processor)
            raise

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if not self._closed and not worker.owed:
                self._idle.append(worker)
                return
        self._end(worker)

    def _end(self, worker: Worker) -> None:
        worker.close()
        self._release(worker.processor)

    def _release(self, processor: int | None) -> None:
        if processor is not None:
            with self._lock:
                self._free_processors.append(processor)


def _tier(offer: Offer, namespaces: bool) -> str:
    if not offer.landlock and not namespaces:
        return "weak"
    return "namespaces" if namespaces else "standard"
