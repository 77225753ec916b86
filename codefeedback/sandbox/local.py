"""The default sandbox on Linux: locked processes that are forked from an interpreter kept ready.

grader -> zygote (one per worker, locked once) -> [supervisor of a program with several cases] ->
the program's process. What each may do is in docs/sandbox.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from codefeedback.errors import SandboxUnavailableError
from codefeedback.guest import cgroups
from codefeedback.problems import Limits
from codefeedback.sandbox.guests import interpreter
from codefeedback.sandbox.pool import PooledSandbox
from codefeedback.sandbox.probe import Offer, offer_of
from codefeedback.sandbox.process import ProcessWorker
from codefeedback.sandbox.worker import GuestSettings, Worker


class LocalSandbox(PooledSandbox):
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
        super().__init__(workers)
        python, installed = interpreter(python, site_packages)
        offer = offer_of(python)
        if offer.seccomp is None:
            raise SandboxUnavailableError(
                f"the local sandbox does not work here: {offer.seccomp_reason}; "
                "the portable one (--sandbox portable) needs nothing, and promises less"
            )
        namespaces = namespaces and offer.namespaces
        self.hides_files = namespaces or offer.landlock > 0
        self.tier = _tier(offer, namespaces)
        self._python = python
        self._in_groups = offer.cgroups
        self._settings = GuestSettings(
            paths=(*installed, *paths),
            preload=tuple(preload),
            serves_many=True,
            landlock=offer.landlock > 0,
            seccomp=offer.seccomp,
            namespaces=namespaces,
        )
        if offer.cgroups:
            cgroups.remove_stale()

    def _start(self, limits: Limits, processor: int | None) -> Worker:
        return ProcessWorker(
            self._python, self._settings, in_group=self._in_groups, processor=processor
        )


def _tier(offer: Offer, namespaces: bool) -> str:
    if not offer.landlock and not namespaces:
        return "weak"
    return "namespaces" if namespaces else "standard"
