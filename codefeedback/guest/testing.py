"""Test code that comes with a problem, run against the program: in two processes, or in one."""

from __future__ import annotations

import builtins
import os
import sys
from typing import Any, Dict, Optional

from . import capture, program, remote, report

_TEST_NAME = "<test>"
_SETUP_NAME = "<setup>"


class _Namespace(Dict[str, Any]):
    """The test's globals. Names that are neither the test's own nor builtins are the program's."""

    def __init__(self, peer: remote.Peer) -> None:
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._peer = peer

    def __missing__(self, name: str) -> Any:
        # A program must not replace what the test calls: `def set(x): return 1`.
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        try:
            return self._peer.ask("find", name)
        except NameError:
            raise KeyError(name) from None


def run_test(request: Dict[str, Any]) -> None:
    """The body of the test's process in a split test."""
    _silence()
    peer = remote.Peer(*request["channel"])
    described = capture.Capture()
    try:
        test = _compile(request["test"])
        described = capture.Capture(test)
        outcome = _run_split(test, request, peer)
    except program.BadProblem as error:
        outcome = {"phase": "problem", "reason": str(error)}
    except remote.Stopped:
        outcome = {"phase": "lost", "reason": "the program's half is gone"}
    except BaseException as error:
        outcome = _failure(error, peer, described)
    # What the test swallowed counts all the same.
    report.write(peer.stopped or outcome)
    os._exit(0)


def _run_split(test: Any, request: Dict[str, Any], peer: remote.Peer) -> Dict[str, Any]:
    namespace = _Namespace(peer)
    peer.wait_ready()
    if request["setup"]:
        program.run_foreign(request["setup"], _SETUP_NAME, namespace)
    entry_point: Optional[str] = request["entry_point"]
    candidate = None
    if entry_point is not None:
        # The setup may hold a stub of the same name (HumanEval's prompts do).
        namespace.pop(entry_point, None)
        candidate = peer.ask("find", entry_point)
        namespace[entry_point] = candidate
    exec(test, namespace)
    if entry_point is not None and callable(namespace.get("check")):
        namespace["check"](candidate)
    return {"phase": "passed"}


def _failure(error: BaseException, peer: remote.Peer, described: capture.Capture) -> Dict[str, Any]:
    for raised, trace in peer.raised:
        if raised is error:
            return {"phase": "raised", "exception": trace}
    if isinstance(error, NameError) and peer.missing:
        return {"phase": "missing", "missing": peer.missing[-1]}
    return {"phase": "failed", "exception": described.describe(error)}


def _compile(text: str) -> Any:
    try:
        return compile(text, _TEST_NAME, "exec", dont_inherit=True)
    except Exception as error:
        raise program.BadProblem("test: %s: %s" % (type(error).__name__, error)) from None


def _silence() -> None:
    """What the test prints is nobody's output."""
    devnull = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(devnull, fd)
    os.close(devnull)


def run_inside(request: Dict[str, Any]) -> None:
    """Program and test in one process, for tests that cannot be split.

    The program can change what the test sees; the grader marks such a result.
    """
    subject = program.Program(request, program.module_name(request))
    code = subject.compile()
    if code is None:
        program.leave(1)
        return
    report.write({"phase": "run"})
    namespace = subject.module.__dict__
    try:
        test = _compile(request["test"])
        if request["setup"]:
            program.run_foreign(request["setup"], _SETUP_NAME, namespace)
        subject.execute(code)
        outcome = _run_here(test, request["entry_point"], namespace, subject)
    except program.BadProblem as error:
        outcome = {"phase": "problem", "reason": str(error)}
    except BaseException as error:
        outcome = {"phase": "raised", "exception": subject.capture.describe(error)}
    report.write(outcome)
    program.leave(0)


def _run_here(
    test: Any, entry_point: Optional[str], namespace: Dict[str, Any], subject: program.Program
) -> Dict[str, Any]:
    try:
        candidate = None if entry_point is None else subject.find(entry_point)
        exec(test, namespace)
        # A `check` of the program's own is none of the test's.
        if entry_point is not None and "check" in test.co_names and callable(namespace["check"]):
            namespace["check"](candidate)
        else:
            _run_collected(test, namespace)
    except program.NotFound as error:
        return {"phase": "missing", "missing": str(error)}
    except BaseException as error:
        described = subject.capture.describe(error)
        if described.get("frames"):  # raised in a frame of the program's
            return {"phase": "raised", "exception": described}
        return {"phase": "failed", "exception": capture.Capture(test).describe(error)}
    return {"phase": "passed"}


def _run_collected(test: Any, namespace: Dict[str, Any]) -> None:
    """Runs the unittest classes and the `test_*` functions that the test's text defines."""
    for name in test.co_names:
        found = namespace.get(name)
        if name.startswith("test") and callable(found) and not isinstance(found, type):
            found()
        elif "unittest" in sys.modules and isinstance(found, type):
            _run_unittest(found)


def _run_unittest(kind: type) -> None:
    import unittest

    if not issubclass(kind, unittest.TestCase):
        return
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(kind).run(result)
    problems = result.errors + result.failures
    if problems or not result.testsRun or result.skipped:
        raise AssertionError(problems[0][1].strip().splitlines()[-1] if problems else "not run")
