"""The fallback sandbox: a fresh interpreter per run, resource limits, a clean environment.

Needs nothing but a POSIX system. It keeps answers out of the processes that run programs and ends
whatever they start, but it cannot hide this machine's files and network from them
(docs/sandbox.md).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from codefeedback.problems import Limits
from codefeedback.sandbox.guests import GuestSandbox, interpreter
from codefeedback.sandbox.interface import Command, Execution
from codefeedback.sandbox.process import ProcessWorker
from codefeedback.sandbox.worker import GuestSettings, Worker


class PortableSandbox(GuestSandbox):
    """Runs each command in a fresh process of `python` (default: the interpreter of this process).

    Programs see the standard library, with `site_packages` what is installed beside `python`, and
    what is in `paths`.
    Raises UsageError for an interpreter that does not run.
    """

    name = "portable"
    tier = "portable"
    hides_files = False

    def __init__(
        self,
        *,
        python: str | None = None,
        site_packages: bool = False,
        paths: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._python, installed = interpreter(python, site_packages)
        self._settings = GuestSettings(paths=(*installed, *paths))

    def run_all(
        self,
        commands: Sequence[Command],
        limits: Limits,
        *,
        ahead: bool = True,
        reuse: bool = False,
    ) -> Generator[Execution]:
        # A program can reach the guest that runs it: each gets one of its own.
        for command in commands:
            yield self.run(command, limits)

    def _take(self, limits: Limits) -> Worker:
        return ProcessWorker(self._python, self._settings)

    def _give_back(self, worker: Worker) -> None:
        worker.close()
