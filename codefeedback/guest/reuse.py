"""All cases of a program in one process: several times as fast, and what one case leaves behind
is there in the next. The grader runs every case that fails in this way again by itself.
"""

from __future__ import annotations

import _thread
import atexit
import gc
import os
import sys
import time
from typing import Any, Callable, Dict, List

from . import channel, kernel, program, report, supervise
from .station import Station

_GO, _DONE = b"g", b"d"


def run_all(station: Station, request: Dict[str, Any]) -> None:
    """Runs the cases of one request in one process, until one of them ends it."""
    go, done = os.pipe(), os.pipe()
    station.prepare()
    run = supervise.Run(station, request, self_reading=True)
    body, ends = _BODIES[request["kind"]], (go[0], done[1])
    process = run.start(body, station.report, ends, supervise.receive_reused)
    used = 0.0
    for _ in range(request["cases"]):
        station.empty()
        os.write(go[1], _GO)
        started = time.monotonic()
        process.limits = {
            **request["limits"],
            "cpu_seconds": used + request["limits"]["cpu_seconds"],
        }
        supervise.watch(station, [process], request, started, until=done[0])
        lives = bool(process.alive and os.read(done[0], 1))
        if not lives:
            process.kill()
            supervise.kill_all([process])
        used, before = (kernel.cpu_seconds(process.pid) if lives else process.cpu), used
        if lives:
            _look_at(process)
        facts = {
            "wall_seconds": time.monotonic() - started,
            "children": [{**process.facts(), "cpu_seconds": max(0.0, used - before)}],
            "compiled": station.heard(report.COMPILED) > 0,
            "in_step": station.heard(report.TAKEN) > 0,
            "over": not lives,
        }
        outputs = station.outputs(request["limits"])
        channel.send(station.control, facts, *outputs)
        if not lives:
            break
    process.kill()
    supervise.kill_all([process])
    station.clean()
    for fd in (*go, *done):
        os.close(fd)
    if not station.heard(report.TAKEN):
        os._exit(1)


def _look_at(process: supervise.Child) -> None:
    """What a process that goes on tells of itself only when asked."""
    process.rss = kernel.peak_bytes(process.pid)
    if process.rss - process.base_rss > process.limits["memory_bytes"]:
        process.limit_hit = "memory"
    elif kernel.had_children(process.pid):
        process.limit_hit = "processes"  # theirs is not its own: by itself, it is measured


def _script_cases(request: Dict[str, Any]) -> None:
    """The body of a process that runs a program once per standard input."""
    request["code"] = program.Program(request).compile()
    if request["code"] is None:
        program.leave(1)
    folder = os.getcwd()
    for number, stdin in enumerate(request["inputs"]):
        _wait()
        # The offsets are shared with the supervisor, which emptied the files.
        os.write(0, stdin)
        os.lseek(0, 0, os.SEEK_SET)
        _open_streams()
        subject = program.Program(request)
        sys.argv[:] = [request["name"]]
        if number == 0:
            report.running(request["compiled"])
        _expect_plain_end(subject)
        os.chdir(folder)
        _tell()
    program.leave(0)


def _expect_plain_end(subject: program.Program) -> None:
    """Runs the program; whatever is not plain about its end ends this process."""
    code: Any = subject.compile()  # for each case the same object
    try:
        subject.execute(code)
    except SystemExit as error:
        if error.code is not None and not (type(error.code) is int and error.code == 0):
            report.write({"phase": "run", "exception": subject.capture.describe(error)})
            program.leave(1)
    except BaseException as error:
        report.write({"phase": "run", "exception": subject.capture.describe(error)})
        program.leave(1)
    if _thread._count() > 0:
        program.leave(1)
    atexit._run_exitfuncs()
    subject.module.__dict__.clear()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()


def _open_streams() -> None:
    """Standard streams as a fresh interpreter has them."""
    sys.stdin, sys.stdout, sys.stderr = (
        open(fd, mode, encoding="utf-8", errors=errors, closefd=False)
        for fd, mode, errors in (
            (0, "r", "surrogateescape"),
            (1, "w", "surrogateescape"),
            (2, "w", "backslashreplace"),
        )
    )


def _call_cases(request: Dict[str, Any]) -> None:
    """The body of a process that calls a function of a program once per case."""
    calls: List[Any] = [(call["entry_point"], program.arguments(call)) for call in request["calls"]]
    _wait()
    subject = program.load(request)
    for number, (entry_point, (args, kwargs)) in enumerate(calls):
        if number:
            _wait()
        report.write(program.outcome_of_call(subject, entry_point, args, kwargs))
        sys.stdout.flush()
        _tell()
    program.leave(0)


def _wait() -> None:
    if os.read(4, 1) != _GO:
        os._exit(0)


def _tell() -> None:
    os.write(5, _DONE)


_BODIES: Dict[str, Callable[[Dict[str, Any]], None]] = {
    "script": _script_cases,
    "call": _call_cases,
}
