"""Runs one case: starts a program's process (two for a split test), watches it, tells facts.

It decides nothing but which limit was hit, and holds nothing that a program may not see: of a
split test, the test's process itself reads the text, after the program's process was started.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import resource
import select
import signal
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import channel, coverage, kernel, program, report, serve, testing
from .station import Station

_CHECK_SECONDS = 0.025  # between looks at what no clock tells: the number of processes
_GRACE_SECONDS = 1.0  # for the program's half to end after the test's half has
_SHORTEST_WAIT = 0.001
# Of programs in a container: there the kernel shares processors out by process, elsewhere by
# session, and a supervisor has one to itself. Among all processes of a fork bomb it would wait for
# half a second to see them.
_NICENESS = 19
_STOPPED_SECONDS = 0.5
_SHARED_BYTES = 8 << 20  # of the interpreter, in each forked process and counted in each
_KILL_PATIENCE = 10.0
_MAX_FD = 256  # no process of ours has more: RLIMIT_NOFILE
# All that a program's folders may hold; each file is limited like an output.
_MAX_FILES, _FOLDER_BYTES = 20000, 64 << 20


_Step = Tuple[Callable[..., Any], Tuple[Any, ...]]


class GraderGone(Exception):
    """Nobody waits for an answer any more."""


class Child:
    """A process that we started, its limits, and the facts about it."""

    def __init__(self, pid: int, limits: Dict[str, Any], base_rss: int) -> None:
        self.pid = pid
        self.limits = limits
        self.base_rss = base_rss
        self.limit_hit: Optional[str] = None
        self.status: Optional[int] = None
        self.cpu = 0.0
        self.delay = 0.0
        self.rss = 0

    @property
    def alive(self) -> bool:
        return self.status is None

    def reap(self) -> None:
        """Takes the exit status if there is one."""
        if self.status is not None:
            return
        try:
            # Looked at before it is taken: as long as it is not, its group's number is its own.
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return
            self.kill_group()
            _, self.status, usage = os.wait4(self.pid, 0)
        except ChildProcessError:  # taken by kill_all, when nobody asks any more
            self.status = 0
            return
        self.cpu = usage.ru_utime + usage.ru_stime
        self.rss = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        if self.limit_hit is None and self.cpu >= self.limits["cpu_seconds"]:
            self.limit_hit = "cpu"
        elif self.limit_hit is None and self.rss - self.base_rss > self.limits["memory_bytes"]:
            self.limit_hit = "memory"

    def kill(self, limit: Optional[str] = None) -> None:
        if self.alive:
            if limit is not None and self.limit_hit is None:
                self.limit_hit = limit
                self.delay = kernel.delay_seconds(self.pid)
            self.kill_group()
            os.kill(self.pid, signal.SIGKILL)

    def kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass  # it may not exist yet

    def facts(self) -> Dict[str, Any]:
        status = self.status or 0
        killed = os.WIFSIGNALED(status)
        return {
            "exit_code": None if killed else os.WEXITSTATUS(status),
            "signal": os.WTERMSIG(status) if killed else None,
            "cpu_seconds": self.cpu,
            "delay_seconds": self.delay,
            "max_rss_bytes": self.rss,
            "limit_hit": self.limit_hit,
        }


class Run:
    """One case at a station.

    `request` tells the kind and the limits; `self_reading` says that the program's process reads
    all else from `control` by itself, so that nothing of it stays in this process.
    """

    def __init__(self, station: Station, request: Dict[str, Any], self_reading: bool) -> None:
        self._station = station
        self._request = request
        self._split = request["kind"] == "split"
        self._read = receive_all if self_reading else None
        self._tasks = None if station.counted else kernel.tasks_of_user(station.meter)
        self._children: List[Child] = []
        self._marks: Optional[int] = None
        self._marks_bytes = 0

    def finish(self) -> Tuple[Dict[str, Any], List[bytes]]:
        """Runs the case to its end; the facts, and what its processes wrote.

        In a process that runs the program this never returns normally: it leaves by SystemExit,
        so that the interpreter shuts down as it would have done by itself.
        """
        station = self._station
        station.prepare()
        if "lines" in self._request:
            self._marks_bytes = coverage.marks_bytes(self._request["lines"])
            self._marks = station.add_marks(self._marks_bytes)
        started = time.monotonic()
        if self._split:
            self._start_halves()
        else:
            self.start(_BODIES[self._request["kind"]], station.report, read=self._read)
        watch(station, self._children, self._request, started)
        wall = time.monotonic() - started
        kill_all(self._children)
        station.clean()
        facts = {
            "wall_seconds": wall,
            "children": [child.facts() for child in self._children],
            "compiled": self._read is None or station.heard(report.COMPILED) > 0,
            # What a process did not live to read is still in the way.
            "in_step": station.heard(report.TAKEN) == bool(self._read) + self._split,
        }
        outputs = station.outputs(self._request["limits"])
        if self._marks is not None:
            outputs.append(os.pread(self._marks, self._marks_bytes, 0))
        return facts, outputs

    def _start_halves(self) -> None:
        """The program's half first; only then is the test read, so that nothing of it is
        inherited."""
        to_program, from_test = os.pipe(), os.pipe()
        # (read end, write end) as each half sees them
        program_ends, test_ends = (to_program[0], from_test[1]), (from_test[0], to_program[1])
        self.start(serve.serve, self._station.report, program_ends, self._read)
        if self._read is None or self._wait_taken():
            self.start(testing.run_test, self._station.test_report, test_ends, receive_test)
        for fd in (*program_ends, *test_ends):
            os.close(fd)

    def _wait_taken(self) -> bool:
        """Waits until the program's half has read its part; False if it ended before."""
        station, half = self._station, self._children[0]
        while not station.heard(report.TAKEN):
            ready, _, _ = select.select([station.words, station.wakeups[0]], [], [])
            if station.words not in ready:
                station.forget_wakeups()
                half.reap()
                if not half.alive:
                    return False
        return True

    def start(
        self,
        body: Callable[[Dict[str, Any]], None],
        report_fd: int,
        ends: Tuple[int, ...] = (),
        read: Optional[Callable[[int], Dict[str, Any]]] = None,
    ) -> Child:
        """Forks a process that becomes `body`, and gets the pipe `ends` as its channel.

        `read` is what it reads from the grader by itself.
        """
        size, base_rss = kernel.memory_in_use(self._station.meter)
        station, of_test = self._station, body is testing.run_test
        request = {**self._request, "quick": station.quick, "channel": (4, 5), "compiled": None}
        if of_test:  # it serves the program's calls, and is the problem's own code
            limits = request["limits"]
            limits = {**limits, "cpu_seconds": 3 * limits["cpu_seconds"] + 2}
            request = {"limits": limits, "channel": (4, 5)}
        kept = (report_fd, *ends)
        if read is None:  # with as little as possible left to the child
            station.furnish(request)
        elif not of_test:
            request["compiled"] = 3 + len(kept)
            kept = (*kept, station.word)
        if self._marks is not None and not of_test:
            request["marks"] = (3 + len(kept), request["lines"])
            kept = (*kept, self._marks)
        short = "" if of_test else kernel.shortage(request["limits"])
        steps = self._steps(kept, kernel.limits_for(request["limits"], size, self._tasks))
        dumpable = station.dumpable or not of_test
        child = Child(0, request["limits"], base_rss)
        self._children.append(child)
        child.pid = pid = os.fork()
        if pid:
            return child
        try:
            report.open_at(report_fd)
            if short:
                raise OSError(short)
            if read is not None:
                request = {**request, **read(station.control)}
                os.write(station.word, report.TAKEN)
                station.furnish(request)
            if not station.world_apart:
                kernel.tie_to_parent(dumpable)
            station.confine()
            for call, arguments in steps:
                call(*arguments)
            report.open_at(3)
        except BaseException as error:
            report.write({"phase": "unready", "reason": str(error) or repr(error)})
            os._exit(report.UNREADY)
        body(request)
        raise SystemExit(0)

    def _steps(self, kept: Tuple[int, ...], rlimits: List[Any]) -> List[_Step]:
        """What a program's process calls: session, signals, descriptors, limits.

        A list made before the fork: each function of ours that a child enters brings it pages.
        """
        station = self._station
        streams = (station.stdin, station.stdout, station.stderr)
        return [
            (os.setsid, ()),
            *([(os.nice, (_NICENESS,))] if station.cpu_group else []),
            # Not by way of `signal`, whose enumerations cost more than the calls.
            (_signal.set_wakeup_fd, (-1,)),
            (_signal.signal, (_signal.SIGCHLD, _signal.SIG_DFL)),
            *((os.dup2, (fd, number)) for number, fd in enumerate(streams)),
            *((os.dup2, (fd, number, False)) for number, fd in enumerate(kept, 3)),
            (os.closerange, (3 + len(kept), _MAX_FD)),
            *((_register_hook, (hook,)) for hook in station.fork_hooks),
            *((resource.setrlimit, limit) for limit in rlimits),
        ]


def _register_hook(hook: Dict[str, Any]) -> None:
    os.register_at_fork(**hook)


_BODIES: Dict[str, Callable[[Dict[str, Any]], None]] = {
    "script": program.run_script,
    "call": program.run_call,
    "calls": program.run_calls,
    "inside": testing.run_inside,
}


def receive_program(control: int) -> Dict[str, Any]:
    """The program: what `program.Program` needs of a request."""
    message, (data,) = channel.receive_with_bytes(control)
    return {**message, "data": data}


def receive_case(control: int) -> Dict[str, Any]:
    """One case, without what only a test's process may read."""
    message, blobs = channel.receive_with_bytes(control)
    if "file_names" in message:
        message["stdin"] = blobs[0]
        message["files"] = list(zip(message["file_names"], blobs[1:]))
    return dict(message)


def receive_all(control: int) -> Dict[str, Any]:
    received = receive_program(control)
    return with_program(received, receive_case(control))


def with_program(program_part: Dict[str, Any], case: Dict[str, Any]) -> Dict[str, Any]:
    """A request in which the program is one of the files."""
    files = [(program_part["name"], program_part["data"]), *case.get("files", ())]
    return {**program_part, **case, "files": files}


def receive_reused(control: int) -> Dict[str, Any]:
    """The program, and the inputs or calls of all its cases."""
    received = receive_program(control)
    message, inputs = channel.receive_with_bytes(control)
    return {**with_program(received, dict(message)), "inputs": inputs}


def receive_test(control: int) -> Dict[str, Any]:
    return dict(channel.receive(control))


def watch(
    station: Station,
    children: List[Child],
    request: Dict[str, Any],
    started: float,
    until: Optional[int] = None,
) -> None:
    """Waits until all children are gone, or something can be read from `until`, and kills those
    that exceed their limits.

    Raises GraderGone when nobody waits any more.
    """
    if until is not None:
        station.poll.register(until, select.POLLIN)
    try:
        _watch(station, children, request, started, until)
    finally:
        if until is not None:
            station.poll.unregister(until)


def _watch(
    station: Station,
    children: List[Child],
    request: Dict[str, Any],
    started: float,
    until: Optional[int],
) -> None:
    patience = min(_CHECK_SECONDS, request["limits"]["cpu_seconds"])
    ended: Optional[float] = None
    pauses = Pauses(station) if station.contained else None
    while True:
        for fd, _ in station.poll.poll(1000 * patience):
            if fd == station.control:
                kill_all(children)
                raise GraderGone
            if fd == until:
                return
            station.forget_wakeups()
        for child in children:
            child.reap()
        alive = [child for child in children if child.alive]
        if not alive:
            return
        now = time.monotonic() - started
        if not children[-1].alive:
            ended = now if ended is None else ended
        if ended is not None and now - ended > _GRACE_SECONDS:
            _stop(alive, None)
        elif now > request["backstop_seconds"]:
            _stop(alive, "backstop")
        else:
            stopped = pauses.seconds(patience) if pauses else 0.0
            patience = _check_all(station, alive, request["limits"], now - stopped)


class Pauses:
    """How long this process was stopped, as engines pause containers with all that is in them. That
    is not the program's idle time."""

    def __init__(self, station: Station) -> None:
        self._meter = station.meter
        self._stopped = 0.0
        self._last = self._now()

    def _now(self) -> Tuple[float, float]:
        """The clock, and how long we ran or waited for a processor until now."""
        words = self._meter.read("/proc/self/schedstat")
        waited = int(words[1]) / 1e9 if len(words) > 1 else 0.0
        return time.monotonic(), time.process_time() + waited

    def seconds(self, patience: float) -> float:
        """So far. Since it was asked for last, `patience` seconds were slept on purpose at most."""
        clock, busy = self._now()
        missing = clock - self._last[0] - (busy - self._last[1]) - patience
        if missing > _STOPPED_SECONDS:
            self._stopped += missing
        self._last = clock, busy
        return self._stopped


def _check_all(station: Station, alive: List[Child], limits: Dict[str, Any], now: float) -> float:
    """Ends what exceeds a limit; the seconds until the next look."""
    idle = now
    below = kernel.descendants(os.getpid())
    of_children = {child.pid: [child.pid, *kernel.descendants(child.pid)] for child in alive}
    known = {pid for tree in of_children.values() for pid in tree}
    # Who left its family is ours now; only the program's own can have done that.
    of_children[alive[0].pid] += [pid for pid in below if pid not in known]
    for child in alive:
        idle -= _check(station, child, of_children[child.pid])
    if idle > limits["wall_seconds"]:
        _stop(alive, "wall")
    # No child can reach its limit earlier, unless by threads on several processors, which the
    # regular look catches.
    waits = [_CHECK_SECONDS]
    waits += [child.limits["cpu_seconds"] - kernel.cpu_seconds(child.pid) for child in alive]
    if idle < limits["wall_seconds"]:
        waits.append(limits["wall_seconds"] - idle)
    return max(min(waits), _SHORTEST_WAIT)


def _stop(children: List[Child], limit: Optional[str]) -> None:
    for child in children:
        child.kill(limit)


def _check(station: Station, child: Child, tree: List[int]) -> float:
    """Ends a child that, with all that it started, uses more than it may. The seconds in which
    it ran or waited for a processor."""
    cpu = sum(map(kernel.cpu_seconds, tree))
    if cpu >= child.limits["cpu_seconds"]:
        child.kill("cpu")
    elif sum(map(kernel.task_count, tree)) > child.limits["processes"]:
        child.kill("processes")
    # Alone, it gets a MemoryError in the statement that asked for too much, or is measured at its
    # end: both say more than a kill.
    elif len(tree) > 1 and _memory_of(tree) - child.base_rss > child.limits["memory_bytes"]:
        child.kill("memory")
    elif station.uses_more(_FOLDER_BYTES + 4 * child.limits["output_bytes"], _MAX_FILES):
        child.kill("output")
    return cpu + sum(map(kernel.delay_seconds, tree))


def _memory_of(tree: List[int]) -> int:
    """Resident bytes of all, less what forked processes are sure to share with their parents."""
    return sum(map(kernel.resident_bytes, tree)) - _SHARED_BYTES * (len(tree) - 1)


def kill_all(children: List[Child]) -> None:
    """Kills every descendant, wherever it went: as their subreaper we inherit them all.

    Raises OSError when one stays.
    """
    give_up = time.monotonic() + _KILL_PATIENCE
    for child in children:
        child.kill()
    while True:
        for child in children:
            child.reap()
        try:
            if os.waitpid(-1, os.WNOHANG) != (0, 0):
                continue
        except ChildProcessError:
            return
        if time.monotonic() > give_up:
            raise OSError("processes of a program cannot be killed")
        for pid in kernel.descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.0002)
