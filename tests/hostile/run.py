"""Grades the hostile programs of this folder, and looks at what they broke or left behind.

    python tests/hostile/run.py [--sandbox NAME] [--image NAME] [--only GLOB]... [--workers N]

Prints one JSON line for each program as it is done, and one at the end on what was found around
them. Run it as the first process of a pid namespace (`isolated` shows how): only there can it tell
which processes were left, and a hole of the sandbox reaches nothing but this run.

A folder holds solution.py, tests.json and expected.json: the verdict (or a list of those that are
right), optionally the verdict of each case, and why. The programs of `honest` are odd but correct;
none of the others may ever be accepted.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import resource
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import codefeedback as cf
from codefeedback.sandbox.lookup import find_engine
from codefeedback.sandbox.leftovers import LABEL, mark_of_this_process

HERE = Path(__file__).resolve().parent
HONEST = "honest"

# Programs try these names: the folder's is part of the bait, as an answer's place would be.
_CANARY = "codefeedback-canary-{}"
_PORT = 47610
_PLACES = 10
_VARIABLE = "CODEFEEDBACK_CANARY"
# What programs that get out of their folder write.
_HOLES = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/var/lock", "/mnt", "/srv")
_HOLE = "codefeedback-hole"
_SETTLE_SECONDS = 5.0  # for what was killed to be gone


@dataclass(frozen=True, slots=True)
class Expected:
    """What expected.json declares."""

    verdicts: tuple[str, ...]
    cases: tuple[str, ...] | None = None

    @classmethod
    def of(cls, folder: Path) -> Self:
        data = json.loads((folder / "expected.json").read_text())
        verdict, cases = data["verdict"], data.get("cases")
        verdicts = tuple(verdict) if isinstance(verdict, list) else (verdict,)
        return cls(verdicts, None if cases is None else tuple(cases))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What grading said of one program; `ungraded` says why it said nothing."""

    slug: str
    verdict: str | None = None
    cases: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    ungraded: str | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `asdict` made, also after a way through JSON."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**values)

    @property
    def honest(self) -> bool:
        return self.slug.startswith(HONEST + "/")

    def as_declared(self, expected: Expected) -> bool:
        fits = self.verdict in expected.verdicts
        return fits and (expected.cases is None or self.cases == expected.cases)


@dataclass(slots=True)
class Summary:
    """The numbers that benchmarks compare, as the slugs behind them."""

    programs: int = 0
    fooled: list[str] = field(default_factory=list)  #: hostile, and accepted
    escaped: list[str] = field(default_factory=list)  #: harm that was found around the programs
    lost: list[str] = field(default_factory=list)  #: the grader hung, died, or did not know
    rejected: list[str] = field(default_factory=list)  #: honest, and not accepted
    otherwise: list[str] = field(default_factory=list)  #: another verdict than declared

    @property
    def clean(self) -> bool:
        return not (self.fooled or self.escaped or self.lost or self.rejected or self.otherwise)


def summary(
    outcomes: Iterable[Outcome], expected: Mapping[str, Expected], harm: Iterable[str] = ()
) -> Summary:
    """Compares what was said with what was declared. A program that is missing was lost."""
    result = Summary(programs=len(expected), escaped=list(harm))
    missing = set(expected)
    for outcome in outcomes:
        missing.discard(outcome.slug)
        if outcome.ungraded is not None:
            result.lost.append(outcome.slug)
        elif outcome.honest and outcome.verdict != "AC":
            result.rejected.append(outcome.slug)
        elif outcome.verdict == "AC" and not outcome.honest:
            result.fooled.append(outcome.slug)
        elif not outcome.as_declared(expected[outcome.slug]):
            result.otherwise.append(outcome.slug)
    result.lost += sorted(missing)
    return result


def slug_of(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def folders(only: Sequence[str] = ()) -> list[Path]:
    """The programs' folders, in order; those whose `class/slug` fits one of the patterns."""
    found = sorted(path.parent for path in HERE.glob("*/*/expected.json"))
    if not only:
        return found
    return [
        path for path in found if any(fnmatch.fnmatch(slug_of(path), pattern) for pattern in only)
    ]


def isolated(command: Sequence[str]) -> list[str]:
    """The command, to run as the first process of a pid namespace of its own, if that works.

    Raises RuntimeError with the reason where it does not.
    """
    options = ["--pid", "--fork", "--mount-proc", "--kill-child"]
    why = "unshare is not installed"
    if shutil.which("unshare") is not None:
        for user in ([], ["--user", "--map-root-user"]):
            wrapper = ["unshare", *user, *options]
            done = subprocess.run([*wrapper, "true"], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return [*wrapper, *command]
            why = done.stderr.strip()
    raise RuntimeError(f"no pid namespace of its own: {why}")


class Surroundings:
    """Plants canaries around the programs, and tells what became of them and of this process."""

    def __init__(self) -> None:
        _remove_holes()
        self._secret = "canary-" + secrets.token_hex(16)
        os.environ[_VARIABLE] = self._secret
        self._number, self._folder = _claim_folder()
        self._file = self._folder / "secret"
        self._file.write_text(f"canary\n{self._secret}\n")
        self._ears = list(self._listen())
        # Folders of programs go where nobody else's are.
        self._temp = Path(tempfile.mkdtemp(prefix="codefeedback-hostile-"))
        tempfile.tempdir = str(self._temp)
        self._before = self._own_state()
        self._canary = self._canary_state()

    def _listen(self) -> Iterator[socket.socket]:
        name = _CANARY.format(self._number)
        places: list[tuple[int, int, Any]] = [
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", _PORT + self._number)),
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", _PORT + self._number)),
            (socket.AF_UNIX, socket.SOCK_STREAM, str(self._folder / "stream")),
            (socket.AF_UNIX, socket.SOCK_DGRAM, str(self._folder / "datagram")),
            (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}-stream"),
            (socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{name}-datagram"),
        ]
        for family, kind, address in places:
            ear = socket.socket(family, kind)
            ear.bind(address)
            ear.setblocking(False)
            if kind == socket.SOCK_STREAM:
                ear.listen(64)
            yield ear

    def harm(self) -> list[str]:
        """What is not as it was, a line each; everything must have been graded. Cleans up."""
        found = [f"heard something: {ear.getsockname()!r}" for ear in self._ears if _heard(ear)]
        before, now = self._canary, self._canary_state()
        found += [f"canary: {key} was changed" for key in before if before[key] != now[key]]
        before, now = self._before, self._own_state()
        found += [
            f"{key}: {before[key]!r} became {now[key]!r}"
            for key in before
            if before[key] != now[key]
        ]
        found += [f"left in the temporary folder: {path.name}" for path in self._temp.iterdir()]
        found += [f"written outside: {path}" for path in _holes()]
        if os.getpid() == 1:
            found += [f"left running: {line}" for line in _left_running()]
        for ear in self._ears:
            ear.close()
        for folder in (self._folder, self._temp):
            shutil.rmtree(folder, ignore_errors=True)
        _remove_holes()
        return found

    def _canary_state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"listing": sorted(path.name for path in self._folder.iterdir())}
        try:
            status = self._file.stat()
            state["text"] = self._file.read_text()
            state["status"] = (
                *(status.st_ino, status.st_mode, status.st_uid, status.st_gid),
                *(status.st_nlink, status.st_mtime_ns),
            )
            state["attributes"] = os.listxattr(self._file) if sys.platform == "linux" else []
        except OSError as error:
            state["text"] = state["status"] = state["attributes"] = str(error)
        return state

    def _own_state(self) -> dict[str, Any]:
        kinds = [name for name in dir(resource) if name.startswith("RLIMIT_")]
        return {
            "limits": {name: resource.getrlimit(getattr(resource, name)) for name in kinds},
            "niceness": os.getpriority(os.PRIO_PROCESS, 0),
            "folder": Path.cwd(),
            "secret": os.environ.get(_VARIABLE) == self._secret,
            "processors": os.sched_getaffinity(0) if sys.platform == "linux" else None,
        }


def _claim_folder() -> tuple[int, Path]:
    """One of the places that programs look at. Others may run this at the same time."""
    for number in range(_PLACES):
        folder = Path("/tmp", _CANARY.format(number))
        if _is_stale(folder):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return number, folder
    raise RuntimeError("no place is left for canaries")


def _is_stale(folder: Path) -> bool:
    """Whether a run that was killed left it: nobody listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(f"\0{folder.name}-stream")
        except OSError:
            return True
    return False


def _heard(ear: socket.socket) -> bool:
    try:
        if ear.type == socket.SOCK_STREAM:
            ear.accept()[0].close()
        else:
            ear.recv(1)
    except BlockingIOError:
        return False
    return True


def _holes() -> list[Path]:
    places = {Path(place) for place in (*_HOLES, tempfile.gettempdir())}
    return sorted(path for place in places for path in place.glob(_HOLE + "*"))


def _remove_holes() -> None:
    for path in _holes():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _left_running() -> list[str]:
    """All processes but this one, once those that were killed had time to go."""
    give_up = time.monotonic() + _SETTLE_SECONDS
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            pass
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            if process.name != "1":
                try:
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                except OSError:
                    continue
                found.append(f"{process.name}: {line.decode(errors='replace')[:100]}")
        if not found or time.monotonic() > give_up:
            return found
        time.sleep(0.05)


class Engine:
    """Tells what became of the container engine."""

    def __init__(self) -> None:
        self._engine = find_engine()
        self._before = self._state()

    def _state(self) -> dict[str, Any]:
        with self._engine.asked("tell how it is"):
            info = self._engine.api.info()
            others = self._engine.api.containers(all=True)
        return {
            "identity": info["ID"],
            "containers": [found["Id"] for found in others if LABEL not in (found["Labels"] or {})],
            "ours": [
                found["Id"]
                for found in others
                if found["Labels"].get(LABEL) == mark_of_this_process()
            ],
        }

    def harm(self) -> list[str]:
        """What is not as it was, a line each; everything must have been graded."""
        try:
            now = self._state()
        except cf.SandboxUnavailableError as error:
            return [str(error)]
        return [
            f"engine: {key} {self._before[key]!r} became {now[key]!r}"
            for key in now
            if now[key] != self._before[key]
        ]


def grade(
    paths: Sequence[Path], *, sandbox: str, image: str | None, workers: int
) -> Iterator[Outcome]:
    """One outcome for each folder, as completed."""
    pairs = [((path / "solution.py").read_bytes(), path / "tests.json") for path in paths]
    # Never weaker than asked for: `auto` must not say well of a sandbox that it did not test.
    weak = sandbox == "portable"
    with cf.Grader(
        sandbox=sandbox, image=image, workers=workers, allow_weak_sandbox=weak
    ) as grader:
        for index, result in grader.grade_indexed(pairs):
            slug = slug_of(paths[index])
            if isinstance(result, cf.Ungraded):
                yield Outcome(slug=slug, ungraded=result.reason)
                continue
            yield Outcome(
                slug=slug,
                verdict=result.verdict.value,
                cases=tuple(case.verdict.value for case in result.cases),
                findings=tuple(
                    f"{item.scope} {item.kind}: {item.message[:200]}" for item in result.findings
                ),
                details=tuple(case.detail for case in result.cases),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--image", metavar="NAME")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    paths = folders(options.only)
    around = Surroundings()
    engine = Engine() if options.sandbox == "docker" else None
    started = time.monotonic()
    outcomes = []
    how = {"sandbox": options.sandbox, "image": options.image, "workers": options.workers}
    for outcome in grade(paths, **how):
        outcomes.append(outcome)
        print(json.dumps(asdict(outcome)), flush=True)
    seconds = time.monotonic() - started
    expected = {slug_of(path): Expected.of(path) for path in paths}
    harm = around.harm() + (engine.harm() if engine else [])
    result = summary(outcomes, expected, harm)
    final = {"clean": result.clean, **asdict(result), "seconds": round(seconds, 1)}
    print(json.dumps({"final": {**final, "isolated": os.getpid() == 1}}), flush=True)


if __name__ == "__main__":
    main()
