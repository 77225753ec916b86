"""The zygote: an interpreter that is set up and locked once, and forks what runs programs.

It reads of each request the header alone. A program's text is read by the process that runs it,
or, for a program with several cases, by a supervisor that lives as long as that program.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import site
import sys
import time
from typing import Any, Callable, Dict, List, Optional

from . import (
    channel,
    ending,
    kernel,
    landlock,
    namespaces,
    program,
    report,
    reuse,
    seccomp,
    supervise,
)
from .station import Station, raised

# What programs import most; none of them runs code at a fork once `_preload` is through with it.
_LIGHT = (
    "math bisect heapq collections itertools functools operator string re random copy typing "
    "fractions decimal datetime statistics json io threading"
).split()


def main(control: int, found_here: Optional[Dict[str, Any]] = None) -> None:
    """Serves requests from the descriptor `control` until it is closed.

    The first one says how (see `codefeedback.sandbox.worker`), but for what was `found_here`.

    In a child that runs the program this never returns normally: it leaves by SystemExit, so that
    the interpreter shuts down as it would have done by itself.
    """
    control = raised(control)
    config: Dict[str, Any] = {}
    try:
        config = {**channel.receive(control), **(found_here or {})}
        try:
            station = _settle(control, config)
        except (OSError, ImportError) as error:
            channel.send(control, {"unready": "%s: %s" % (type(error).__name__, error)})
            os._exit(1)
        channel.send(station.control, {"ready": True, "landlock": config["landlock"]})
        while True:
            request = channel.receive(station.control)
            _WAYS[request["way"]](station, request)
    except (channel.ChannelClosed, supervise.GraderGone):
        if config and not (config["landlock"] or config["namespaces"] or config["contained"]):
            import shutil

            # A grader that was killed cannot remove the folder any more.
            shutil.rmtree(os.path.dirname(config["box"]), ignore_errors=True)
        os._exit(0)
    except OSError:
        # Something of a program's could not be ended or removed: nothing may run here any more.
        os._exit(1)


def _settle(control: int, config: Dict[str, Any]) -> Station:
    """Gets ready as `config` says."""
    os.umask(0o022)
    # What the interpreter needed to start is not the programs', nor what an engine added to it.
    os.environ.clear()
    os.environ.update(config["environment"])
    # Nobody else's processes and files are where we are.
    apart = config["namespaces"] or config["contained"]
    readable = landlock.runtime_files(config["paths"])
    if config["namespaces"]:
        namespaces.enter(readable, config["box"], config["box_bytes"])
    elif not config["contained"]:  # where the engine has made the box
        if config["landlock"]:  # which keeps us ourselves from removing the folder in the end
            _keep_folder(os.path.dirname(config["box"]))
        os.mkdir(config["box"])
    os.chdir(config["box"])
    folders = [config["box"], *(["/dev/shm"] if apart else [])]
    station = Station(control, folders)
    station.world_apart = apart
    station.swept = config.get("swept", [])
    station.counted = config.get("counted", False)
    station.cpu_group = config.get("cpu_group", False)
    station.contained = config["contained"]
    kernel.guard_supervisor()
    kernel.drop_privileges()
    _look_at_the_library()
    if config["processor"] is not None:
        os.sched_setaffinity(0, [config["processor"]])
    _complete_interpreter(config["paths"])
    # `random` in any case, which is seeded then: a program gets the same verdict each time.
    modules = [*_LIGHT, *config["preload"]] if config["serves_many"] else ["random"]
    station.fork_hooks = _preload(modules)
    if config["serves_many"]:
        station.quick = True
        ending.know_harmless_kinds()
    # Programs do not find our objects among theirs, and their collections pass them over.
    gc.collect()
    gc.freeze()
    _lock(station, config, readable)
    kernel.limit_for_good()
    return station


def _look_at_the_library() -> None:
    """Raises OSError if the interpreter cannot read its own library: root's may be closed to
    others, and so to a root without privileges."""
    library = os.path.dirname(os.__file__)
    for folder in (library, os.path.join(library, "lib-dynload")):
        try:
            names = os.listdir(folder)
            os.stat(os.path.join(folder, *names[:1]))
        except PermissionError:
            raise PermissionError(
                "%s can be read with root's privileges only, which no program has: open it to "
                "others (chmod -R o+rX), or grade as its owner" % folder
            ) from None
        except (FileNotFoundError, NotADirectoryError):  # in an archive, or not there
            pass


def _keep_folder(folder: str) -> None:
    """Leaves behind a process that does nothing but remove the folder in the end."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        kernel.tie_to_parent(dumpable=False)
        if os.getppid() != parent:
            os._exit(1)
        return
    import shutil

    os.chdir("/")
    os.closerange(0, 256)
    _, status = os.waitpid(pid, 0)
    shutil.rmtree(folder, ignore_errors=True)
    kernel.end_as(status)  # the grader tries again where somebody killed it


def _complete_interpreter(paths: List[str]) -> None:
    """What -S left out: the builtins that programs use, and the folders that the user allows."""
    site.setquit()
    site.setcopyright()
    site.sethelper()
    sys.path += paths


def _preload(names: List[str]) -> List[Dict[str, Any]]:
    """Imports what children are to find imported; the hooks for their forks.

    What modules want to do at a fork is for processes with threads, and costs as much as the fork.
    """
    hooks: List[Dict[str, Any]] = []
    register = os.register_at_fork
    os.register_at_fork = lambda **hook: hooks.append(hook)
    try:
        for name in names:
            importlib.import_module(name)
    finally:
        os.register_at_fork = register
    # The same program gives the same answer each time.
    sys.modules["random"].seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    return hooks


def _lock(station: Station, config: Dict[str, Any], readable: List[str]) -> None:
    """Takes from this process what no program may have, and prepares what its children lose."""
    steps: List[Callable[[], None]] = []
    confined = False
    if config["landlock"]:
        confined = landlock.confines_signals()
        station.dumpable = True
        of_programs = landlock.restriction(readable, station.folders, landlock.DEVICES, scoped=True)
        steps.append(of_programs)
        # We look at our children's clocks, and signal them.
        landlock.restriction(
            [*readable, "/proc"], station.folders, landlock.DEVICES, scoped=False
        )()
    if config["seccomp"]:
        machine = config["seccomp"]
        small = seccomp.program_filter(
            machine, foreign_signals=confined, foreign_files=station.world_apart
        )
        steps.append(seccomp.prepare(small))
        seccomp.install(seccomp.broad_filter(machine))
    if steps:

        def confine() -> None:
            for step in steps:
                step()

        station.confine = confine


def _run_one(station: Station, request: Dict[str, Any]) -> None:
    """One case, whose process reads all but the header by itself."""
    facts, outputs = supervise.Run(station, request, self_reading=True).finish()
    channel.send(station.control, facts, *outputs)
    if not facts["in_step"]:
        os._exit(1)


def _run_many(station: Station, request: Dict[str, Any]) -> None:
    """All cases of one program, by a supervisor that compiles it once."""
    station.prepare()
    _, base_rss = kernel.memory_in_use(station.meter)
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _supervise_many(station, request)
        os._exit(0)
    compiling = supervise.Child(pid, request["limits"], base_rss)
    # It tells when it is through with that; what it starts then, it watches itself.
    supervise.watch(station, [compiling], request, started, until=station.words)
    if station.heard(report.COMPILED):
        _, status = os.waitpid(pid, 0)
        if status:
            supervise.kill_all([])
            os._exit(1)
    else:
        # The compiler did not survive the program.
        facts = {"wall_seconds": time.monotonic() - started, "children": [compiling.facts()]}
        channel.send(
            station.control, {**facts, "compiled": False, "in_step": False}, b"", b"", b"", b""
        )
        os._exit(1)


def _supervise_many(station: Station, request: Dict[str, Any]) -> None:
    """What a program's supervisor does."""
    os.setsid()
    kernel.guard_supervisor()
    kernel.tie_to_parent(dumpable=False)
    to_zygote = station.split_off()
    part = supervise.receive_program(station.control)
    size, _ = kernel.memory_in_use(station.meter)
    failed = b""
    with kernel.space_limited(size, request["limits"]):
        try:
            part["code"] = program.compile_program(part)
        except Exception as error:
            failed = report.encoded(program.does_not_compile(error))
    if not failed:
        part["kind"] = request["kind"]
        part["prepared"] = program.Program(part)
        part["prepared"].compile()  # takes what was compiled under the limits
    gc.freeze()  # a program's process looks at what it made itself
    os.write(to_zygote, report.COMPILED)
    while True:
        case = supervise.receive_case(station.control)
        if "end" in case:
            return
        if failed:
            if case["kind"] == "split":
                supervise.receive_test(station.control)
            channel.send(station.control, _NOT_COMPILED, b"", b"", failed, b"")
            continue
        run = supervise.Run(station, {**request, **supervise.with_program(part, case)}, False)
        facts, outputs = run.finish()
        channel.send(station.control, facts, *outputs)
        if not facts["in_step"]:
            os._exit(1)


def _answer(station: Station, request: Dict[str, Any]) -> None:
    """What a module says to some bytes. None of them is run as code, so this process
    does it itself; it ends when that takes too long, and the grader asks another one."""
    _, (question,) = channel.receive_with_bytes(station.control)
    signal.setitimer(signal.ITIMER_VIRTUAL, request["cpu_seconds"])
    answer: bytes = importlib.import_module(request["module"]).answer(question)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    channel.send(station.control, {}, answer)


# The facts about a process that did nothing but find that its program does not compile.
_NOT_COMPILED = {
    "wall_seconds": 0.0,
    "children": [
        {
            "exit_code": 1,
            "signal": None,
            "cpu_seconds": 0.0,
            "delay_seconds": 0.0,
            "max_rss_bytes": 0,
            "limit_hit": None,
        }
    ],
    "compiled": False,
    "in_step": True,
}

_WAYS: Dict[str, Callable[[Station, Dict[str, Any]], None]] = {
    "one": _run_one,
    "many": _run_many,
    "reuse": reuse.run_all,
    "answer": _answer,
}
