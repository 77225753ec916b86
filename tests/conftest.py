"""Fixtures of the tests that need a container engine, and what is said when there is none."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from codefeedback.errors import MissingExtraError, SandboxUnavailableError
from codefeedback.sandbox.engine import Engine
from codefeedback.sandbox.lookup import find_engine

_WANTING = "no container engine"
_NOT_PRIVATE = "needs an engine that it may kill, see tests/with-engine"
_USED = pytest.StashKey[str]()
_SECONDS = 10.0  # for something to be gone


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The engine that a user's commands would find. Skips the test where there is none."""
    reason = os.environ.get("CODEFEEDBACK_NO_ENGINE")
    if reason:
        pytest.skip(f"{_WANTING}: {reason}")
    try:
        found = find_engine()
    except (MissingExtraError, SandboxUnavailableError) as error:
        reason = str(error)
        pytest.skip(reason if reason.startswith(_WANTING) else f"{_WANTING}: {reason}")
    request.config.stash[_USED] = f"{found.version} at {found.address}"
    yield found
    found.close()


@pytest.fixture(scope="session")
def image(engine: Engine) -> Iterator[str]:
    """The name of an image with the interpreter that runs the tests. No container of it may be left
    when the tests are over.
    """
    from codefeedback.sandbox.images import build_from_host

    name = f"codefeedback-sandbox-test:{uuid.uuid4().hex[:12]}"
    build_from_host(engine, tag=name)
    yield name
    end = time.monotonic() + _SECONDS
    while (left := _containers_of(engine, name)) and time.monotonic() < end:
        time.sleep(0.1)  # the engine takes its time to remove one that has ended
    for container in left:
        with contextlib.suppress(SandboxUnavailableError), engine.asked("remove a container"):
            engine.api.remove_container(container, force=True)
    with engine.asked("remove an image"):
        engine.api.remove_image(name, force=True)
    assert not left, f"tests left containers: {left}"


def _containers_of(engine: Engine, image: str) -> list[str]:
    with engine.asked("list containers"):
        found = engine.api.containers(all=True, filters={"ancestor": image})
    return [container["Id"] for container in found]


class PrivateEngine:
    """An engine that nobody else uses (see tests/with-engine)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kill(self) -> None:
        """Without a chance to say good-bye; its containers go on."""
        pids = self._pids()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + _SECONDS
        while any(self._is_ours(pid) for pid in pids):
            assert time.monotonic() < end, f"{pids} do not die"
            time.sleep(0.01)

    def start(self) -> None:
        """Returns when it answers; at once if it runs."""
        subprocess.run([self.folder / "start"], check=True, timeout=60)

    def freeze(self) -> None:
        """From now on it accepts connections and answers nobody."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids()[:1]:
            os.kill(pid, number)

    def _pids(self) -> list[int]:
        """Of its processes that live: the engine itself, and Docker's watcher of containers."""
        files = [self.folder / "docker.pid", self.folder / "exec/containerd/containerd.pid"]
        pids = [int(file.read_text()) for file in files if file.exists()]
        return [pid for pid in pids if self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        """A number in an old file may be anybody's by now."""
        try:
            return f"{self.folder}/".encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False


@pytest.fixture
def private_engine(engine: Engine) -> Iterator[PrivateEngine]:
    """The engine, for a test that kills it, starts it again, or has it hang. Works afterwards."""
    folder = os.environ.get("CODEFEEDBACK_PRIVATE_ENGINE")
    if not folder:
        pytest.skip(_NOT_PRIVATE)
    private = PrivateEngine(Path(folder))
    yield private
    private.thaw()
    private.start()
    gc.collect()  # what the SDK left open when nobody listened


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None]:
    """Says, after everything else, how the tests of containers fared."""
    yield
    reasons = Counter[str]()
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            if reason.startswith(_WANTING) or reason == _NOT_PRIVATE:
                reasons[reason] += 1
    used = config.stash.get(_USED, None)
    if used:
        terminalreporter.write_line(f"containers: tested with {used}")
    for reason, count in reasons.items():
        terminalreporter.write_line(f"containers: {count} skipped: {reason}", yellow=True)
    if reasons:
        terminalreporter.write_line(
            "containers: to run them, start Docker, or use `tests/with-engine make test`"
            " (as root on Debian; it installs and starts an engine, and removes it again)",
            yellow=True,
        )
