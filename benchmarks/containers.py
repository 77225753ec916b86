"""Measures programs in containers, against the same programs in the local sandbox.

    python benchmarks/containers.py equal
    python benchmarks/containers.py speed
    python benchmarks/containers.py start
    python benchmarks/containers.py left

All need a container engine of this machine and the image that `codefeedback sandbox build` makes,
or another one (`--image`) whose interpreter is of the version that runs this.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from measuring import (
    TINY,
    Figure,
    accepted,
    alternate,
    check,
    codegen_samples,
    publish,
    timed,
    tiny_problem,
)

import codefeedback as cf
from codefeedback.sandbox.engine import Engine
from codefeedback.sandbox.leftovers import LABEL, SOCKET_FOLDER
from codefeedback.sandbox.lookup import find_engine

_PROGRAMS = Path(__file__).parent.parent / "tests" / "data" / "programs"
#: What is measured anew in each run, and what names the sandbox.
_MEASURED = ("cpu_seconds", "wall_seconds", "max_rss_bytes")
_SETTLE_SECONDS = 10.0  # for an engine to remove what has ended
_Function = Callable[..., Any]


@click.group(help=__doc__)
def main() -> None:
    pass


def _options(function: _Function) -> _Function:
    file_type = click.Path(dir_okay=False, path_type=Path)
    function = click.option(
        "--json", "json_file", type=file_type, help="append the results as lines of JSON"
    )(function)
    return click.option("--image", metavar="NAME", help="instead of the default one")(function)


def _count(name: str, default: int | None, text: str = "") -> Callable[[_Function], _Function]:
    return click.option(
        name, type=click.IntRange(1), default=default, show_default=default is not None, help=text
    )


@main.command()
@_count("--limit", None, "so many CodeGen samples, spread evenly, if CODEFEEDBACK_DATA is set")
@_options
def equal(limit: int | None, image: str | None, json_file: Path | None) -> None:
    """Reports that differ between the local, the container and the portable sandbox."""
    programs: list[tuple[str, bytes | str, Any]] = [
        (folder.name, (folder / "solution.py").read_bytes(), folder / "tests.json")
        for folder in sorted(_PROGRAMS.iterdir())
    ]
    if os.environ.get("CODEFEEDBACK_DATA"):
        samples = codegen_samples(limit)
        programs += [(sample.label, sample.program, sample.problem) for sample in samples]
    with contextlib.ExitStack() as stack:
        graders = {
            name: stack.enter_context(cf.Grader(sandbox=sandbox, allow_weak_sandbox=True))
            for name, sandbox in _sandboxes(image).items()
        }
        different: Counter[str] = Counter()
        names = []
        with click.progressbar(programs, file=sys.stderr, label="grading") as shown:
            for name, program, problem in shown:
                reports = {key: _graded(graders[key], program, problem) for key in graders}
                apart = [key for key in reports if reports[key] != reports["local"]]
                different.update(apart)
                names += [f"{name} ({', '.join(apart)})"] if apart else []
    figure = Figure(
        name=f"reports of {len(programs)} programs that differ from those of the local sandbox",
        unit="programs",
        ours=[len(names)],
        target=0,
        more={"programs": names, **different},
    )
    publish(figure, json_file)


def _sandboxes(image: str | None) -> dict[str, cf.Sandbox]:
    return {
        "local": cf.LocalSandbox(),
        "container": cf.ContainerSandbox(image=image),
        "portable": cf.PortableSandbox(),
    }


def _graded(grader: cf.Grader, program: bytes | str, problem: Any) -> Mapping[str, Any]:
    """A report without what was measured."""
    report = grader.grade(program, problem).to_dict()
    del report["sandbox"]["name"], report["sandbox"]["tier"]
    for case in report["cases"]:
        for key in _MEASURED:
            del case[key]
    return report


@main.command()
@_count("--rounds", 20)
@_count("--programs", 10, "in a round")
@_count("--cases", 10, "of each program")
@_count("--workers", 1)
@_options
def speed(
    rounds: int, programs: int, cases: int, workers: int, image: str | None, json_file: Path | None
) -> None:
    """Cases per second in containers over those of the local sandbox."""
    problem = tiny_problem(cases)
    local = cf.LocalSandbox(workers=workers)
    container = cf.ContainerSandbox(image=image, workers=workers)
    with (
        cf.Grader(sandbox=local, workers=workers) as here,
        cf.Grader(sandbox=container, workers=workers) as there,
    ):

        def graded(grader: cf.Grader) -> float:
            with timed() as watch:
                results = list(grader.grade_many([(TINY, problem)] * programs))
            check(all(accepted(result, cases) for result in results), "the tiny program")
            return programs * cases / watch.seconds

        ours, theirs = alternate(rounds, lambda: graded(there), lambda: graded(here))

    figure = Figure(
        name=f"containers over the local sandbox, {workers} at a time",
        unit="cases/s",
        ours=ours,
        theirs=theirs,
        target=0.7,
        at_least=True,
    )
    publish(figure, json_file)


@main.command()
@_count("--rounds", 10)
@_options
def start(rounds: int, image: str | None, json_file: Path | None) -> None:
    """From the command to the first verdict, where no container runs."""
    with _samples(1) as folder:
        command = [
            *(sys.executable, "-m", "codefeedback", "grade", str(folder / "solution.py")),
            *("--tests", str(folder / "tests.json"), *_chosen(image)),
        ]

        def one() -> float:
            with timed() as watch:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            check(done.returncode == 0, done.stderr)
            return watch.seconds

        (seconds,) = alternate(rounds, one)
    figure = Figure(
        name="cold start", unit="s from the command to its end", ours=seconds, target=1.5
    )
    publish(figure, json_file)


def _chosen(image: str | None) -> list[str]:
    return ["--sandbox", "docker", *(["--image", image] if image else [])]


@main.command()
@_count("--programs", 1000)
@_count("--kills", 20, "runs that are ended by each signal, at random moments")
@_options
def left(programs: int, kills: int, image: str | None, json_file: Path | None) -> None:
    """Containers, processes, mounts and control groups that are left behind."""
    engine = find_engine()
    before = _traces(engine)
    figures = []
    with _samples(programs) as folder:
        command = [
            *(sys.executable, "-m", "codefeedback", "evaluate", str(folder / "samples.jsonl")),
            *("--problems", str(folder / "problems.jsonl"), "--workers", "2", "--restart"),
            *("--out", str(folder / "results.jsonl"), *_chosen(image)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        check(done.returncode == 0, done.stderr)
        figures.append(_left(f"after {programs} programs", engine, before))
        for number, what in ((signal.SIGKILL, "kill -9"), (signal.SIGINT, "Ctrl-C")):
            moments = random.Random(0)
            for _ in range(kills):
                process = subprocess.Popen(
                    command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                time.sleep(moments.uniform(0.0, 2.5))
                process.send_signal(number)
                process.wait()
            figures.append(_left(f"after {kills} times {what}", engine, before))
    for figure in figures:
        publish(figure, json_file)


def _left(when: str, engine: Engine, before: Mapping[str, set[str]]) -> Figure:
    give_up = time.monotonic() + _SETTLE_SECONDS
    while True:
        now = {kind: found - before[kind] for kind, found in _traces(engine).items()}
        if not any(now.values()) or time.monotonic() > give_up:
            break
        time.sleep(0.1)
    return Figure(
        name=f"left {when}",
        unit="containers, processes, mounts, control groups and socket folders",
        ours=[sum(map(len, now.values()))],
        target=0,
        more={kind: sorted(found) for kind, found in now.items() if found},
    )


def _traces(engine: Engine) -> dict[str, set[str]]:
    """All there is of the kinds that may not be left; by names that are used once only."""
    processes = set()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if re.search(r"containerd-shim|codefeedback/(guest|sandbox)/|runc ", line):
                processes.add(f"{path.name}: {line}")
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    groups = Path("/sys/fs/cgroup").glob("**/")
    return {
        "containers": {found["Id"] for found in engine.containers(LABEL)},
        "processes": processes,
        "mounts": set(mounts),
        "control groups": {str(path) for path in groups},
        "socket folders": {
            str(path) for path in Path(tempfile.gettempdir()).glob(SOCKET_FOLDER + "*")
        },
    }


@contextlib.contextmanager
def _samples(count: int) -> Iterator[Path]:
    """A folder with a tiny program, and files with `count` of them, all different."""
    cases = [{"stdin": f"{n} 2\n", "expected_stdout": str(n + 2)} for n in range(3)]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        (folder / "solution.py").write_text(TINY)
        (folder / "tests.json").write_text(json.dumps({"cases": cases}))
        (folder / "problems.jsonl").write_text(json.dumps({"id": "p", "cases": cases}) + "\n")
        rows: Sequence[dict[str, str]] = [
            {"task_id": "p", "program": f"{TINY}# {number}\n"} for number in range(count)
        ]
        (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        yield folder


if __name__ == "__main__":
    main()
