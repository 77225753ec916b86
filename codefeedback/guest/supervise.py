"""The supervisor: starts a program's process (two for a split test), watches it, tells facts.

One supervisor per run. It holds no answers when it starts a program's process: of a split test it
reads the test's text only after that. It decides nothing but which limit was hit.
"""

from __future__ import annotations

import os
import select
import signal
import site
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import channel, kernel, program, report, serve, testing

_CHECK_SECONDS = 0.025  # between looks at what no clock tells: the number of processes
_GRACE_SECONDS = 1.0  # for the program's half to end after the test's half has
_SHORTEST_WAIT = 0.001
_SHARED_BYTES = 8 << 20  # of the interpreter, in each forked process and counted in each
_KILL_PATIENCE = 10.0


class Child:
    """A process that we started, its limits, and the facts about it."""

    def __init__(self, pid: int, limits: Dict[str, Any], base_rss: int) -> None:
        self.pid = pid
        self.limits = limits
        self.base_rss = base_rss
        self.limit_hit: Optional[str] = None
        self.status: Optional[int] = None
        self.cpu = 0.0
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
        except ChildProcessError:  # taken by _kill_all, when nobody asks any more
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
            self.limit_hit = self.limit_hit or limit
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
            "max_rss_bytes": self.rss,
            "limit_hit": self.limit_hit,
        }


def main(control: int) -> None:
    """Serves one request from the descriptor `control`, then ends.

    In a child that runs the program this never returns normally: it leaves by SystemExit, so that
    the interpreter shuts down as it would have done by itself.
    """
    request = channel.receive(control)
    kernel.guard_supervisor()
    _complete_interpreter(request["paths"])
    wakeups = _wake_on_child()
    started = time.monotonic()
    ours = [control, *wakeups]
    if request["mode"] == "split":
        children = _start_split(request, control, ours)
    else:
        closed = [*ours, request["test_report"]]
        children = [_start(_BODIES[request["mode"]], request, request["report"], closed)]
    _watch(children, request, started, wakeups[0], control)
    wall = time.monotonic() - started
    _kill_all(children)
    channel.send(control, {"wall_seconds": wall, "children": [child.facts() for child in children]})
    os._exit(0)


def _complete_interpreter(paths: List[str]) -> None:
    """What -S left out: the builtins that programs use, and the folders that the user allows."""
    site.setquit()
    site.setcopyright()
    site.sethelper()
    sys.path += paths


_BODIES: Dict[str, Callable[[Dict[str, Any]], None]] = {
    "script": program.run_script,
    "call": program.run_call,
    "inside": testing.run_inside,
}


def _wake_on_child() -> Tuple[int, int]:
    """A pipe of which the first end becomes readable when a child changes its state."""
    reader, writer = os.pipe()
    for fd in (reader, writer):
        os.set_blocking(fd, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader, writer


def _start_split(request: Dict[str, Any], control: int, ours: List[int]) -> List[Child]:
    """The program's half first; only then is the test read, so that nothing of it is inherited."""
    to_program, from_test = os.pipe(), os.pipe()
    # (read end, write end) as each half sees them
    program_ends, test_ends = (to_program[0], from_test[1]), (from_test[0], to_program[1])
    request["channel"] = program_ends
    closed = [*ours, request["test_report"], *test_ends]
    halves = [_start(serve.serve, request, request["report"], closed)]
    test = channel.receive(control)
    test["channel"] = test_ends
    test["limits"] = {**request["limits"], "cpu_seconds": 3 * request["limits"]["cpu_seconds"] + 2}
    closed = [*ours, request["report"], *program_ends]
    halves.append(_start(testing.run_test, test, request["test_report"], closed, dumpable=False))
    for fd in (*program_ends, *test_ends):
        os.close(fd)
    return halves


def _start(
    body: Callable[[Dict[str, Any]], None],
    request: Dict[str, Any],
    report_fd: int,
    closed: List[int],
    dumpable: bool = True,
) -> Child:
    _, base_rss = kernel.memory_in_use()
    pid = os.fork()
    if pid:
        return Child(pid, request["limits"], base_rss)
    try:
        os.setsid()
        for fd in closed:
            os.close(fd)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        report.open_at(report_fd)
        kernel.drop_privileges(dumpable)
        kernel.limit_self(request["limits"])
    except BaseException as error:
        report.write({"phase": "unready", "reason": repr(error)})
        os._exit(70)
    body(request)
    raise SystemExit(0)


def _watch(
    children: List[Child], request: Dict[str, Any], started: float, wakeups: int, control: int
) -> None:
    """Waits until all children are gone, and kills those that exceed their limits."""
    poll = select.poll()
    poll.register(wakeups, select.POLLIN)
    poll.register(control, select.POLLIN | select.POLLHUP)
    wall_limit: float = request["limits"]["wall_seconds"]
    backstop: float = request["backstop_seconds"]
    test_ended: Optional[float] = None
    while True:
        for child in children:
            child.reap()
        alive = [child for child in children if child.alive]
        if not alive:
            return
        now = time.monotonic() - started
        if not children[-1].alive and test_ended is None:
            test_ended = now
        if test_ended is not None and now - test_ended > _GRACE_SECONDS:
            _stop(alive, None)
        elif now > wall_limit and now - _delays(alive) > wall_limit:
            _stop(alive, "wall")
        elif now > backstop:
            _stop(alive, "backstop")
        for child in alive:
            _check(child)
        for fd, _ in poll.poll(1000 * _patience(alive, wall_limit - now)):
            if fd == control:  # the grader is gone, or wants no answer any more
                _kill_all(children)
                _remove_folder()
                os._exit(1)
            os.read(wakeups, 512)


def _delays(children: List[Child]) -> float:
    return sum(kernel.delay_seconds(child.pid) for child in children)


def _stop(children: List[Child], limit: Optional[str]) -> None:
    for child in children:
        child.kill(limit)


def _check(child: Child) -> None:
    """Ends a child that, with all that it started, uses more than it may."""
    below = kernel.descendants(child.pid)
    tree = [child.pid, *below]
    if sum(map(kernel.cpu_seconds, tree)) >= child.limits["cpu_seconds"]:
        child.kill("cpu")
    elif sum(map(kernel.task_count, tree)) > child.limits["processes"]:
        child.kill("processes")
    # Alone, it gets a MemoryError in the statement that asked for too much, or is measured at its
    # end: both say more than a kill.
    elif below and _memory_of(tree) - child.base_rss > child.limits["memory_bytes"]:
        child.kill("memory")


def _memory_of(tree: List[int]) -> int:
    """Resident bytes of all, less what forked processes are sure to share with their parents."""
    return sum(map(kernel.resident_bytes, tree)) - _SHARED_BYTES * (len(tree) - 1)


def _patience(children: List[Child], wall_left: float) -> float:
    """Seconds until the next look: no child can reach its limit earlier, unless by threads on
    several processors, which the regular look catches."""
    waits = [_CHECK_SECONDS]
    waits += [child.limits["cpu_seconds"] - kernel.cpu_seconds(child.pid) for child in children]
    if wall_left > 0:
        waits.append(wall_left)
    return max(min(waits), _SHORTEST_WAIT)


def _remove_folder() -> None:
    """A grader that was killed cannot remove the program's folder any more."""
    import shutil  # not needed before, and slow to load

    shutil.rmtree(os.getcwd(), ignore_errors=True)


def _kill_all(children: List[Child]) -> None:
    """Kills every descendant, wherever it went: as their subreaper we inherit them all."""
    give_up = time.monotonic() + _KILL_PATIENCE
    for child in children:
        child.kill()
    while time.monotonic() < give_up:
        for child in children:
            child.reap()
        for pid in kernel.descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.001)
        except ChildProcessError:
            return
