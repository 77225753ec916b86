"""Test code that comes with a problem, run against the program: in two processes, or in one."""

from __future__ import annotations

import builtins
import importlib
import os
import re
import sys
import types
from typing import Any, Dict, List, Optional

from . import capture, program, remote, report

_TEST_NAME = "<test>"
_SETUP_NAME = "<setup>"


# Modules that a test uses and forgot to import must not be the program's to define.
_STANDARD_MODULES = getattr(sys, "stdlib_module_names", frozenset({"math", "re", "random"}))


class _Namespace(Dict[str, Any]):
    """The test's globals. Names that are neither the test's own nor builtins are the program's."""

    def __init__(self, peer: remote.Peer, text: str) -> None:
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._peer = peer
        self._text = text

    def __missing__(self, name: str) -> Any:
        # A program must not replace what the test calls: `def set(x): return 1`.
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        if name in _STANDARD_MODULES and re.search(r"\b%s\s*\." % name, self._text):
            return importlib.import_module(name)
        try:
            return self._peer.ask("find", name)
        except NameError:
            raise KeyError(name) from None


class _ProgramModule(types.ModuleType):
    """What a test gets that says `from solution import f`."""

    _peer: remote.Peer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._peer.ask("find", name)
        except NameError:
            raise AttributeError(name) from None


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
        # It is the problem's fault only if the program had no part in it.
        outcome = {"phase": "problem", "reason": str(error)}
        if peer.raised:
            outcome = {"phase": "raised", "exception": peer.raised[-1][1]}
        elif peer.missing:
            outcome = {"phase": "missing", "missing": peer.missing[-1]}
    except BaseException as error:
        outcome = _failure(error, peer, described)
    # That the program's half was gone counts also if the test swallowed it.
    report.write(outcome if peer.stopped is None else {"phase": "lost", "reason": peer.stopped})
    os._exit(0)


def _run_split(test: Any, request: Dict[str, Any], peer: remote.Peer) -> Dict[str, Any]:
    namespace = _Namespace(peer, request["setup"] + request["test"])
    peer.wait_ready()
    module = _ProgramModule("solution")
    module.__dict__["_peer"] = peer
    sys.modules["solution"] = module
    if request["setup"]:
        program.run_foreign(request["setup"], _SETUP_NAME, namespace)
    entry_point: Optional[str] = request["entry_point"]
    if entry_point is not None:
        # The setup may hold a stub of the same name (HumanEval's prompts do).
        namespace[entry_point] = peer.ask("find", entry_point)
    else:
        _bind_builtin_name(test, namespace, peer)
    before = peer.asked
    _run(test, entry_point, namespace)
    if peer.asked == before:
        raise program.BadProblem("test: it never uses the program, so it cannot pass or fail")
    return {"phase": "passed"}


def _bind_builtin_name(test: Any, namespace: Dict[str, Any], peer: remote.Peer) -> None:
    """A test that names nothing but builtins tests a program's function of such a name."""
    names: List[str] = [name for name in test.co_names if name not in namespace]
    if names and all(hasattr(builtins, name) for name in names):
        try:
            namespace[names[0]] = peer.ask("find", names[0])
        except NameError:
            peer.missing.clear()


def _run(test: Any, entry_point: Optional[str], namespace: Dict[str, Any]) -> None:
    """Runs the test, and what it defines to be run."""
    candidate = None if entry_point is None else namespace[entry_point]
    try:
        exec(test, namespace)
    except SystemExit as error:
        if error.code or not _own_exit(error, test):
            raise
    # A `check` of the program's own is none of the test's.
    if entry_point is not None and "check" in test.co_names and callable(namespace["check"]):
        namespace["check"](candidate)
    else:
        _run_collected(test, namespace)


def _own_exit(error: SystemExit, test: Any) -> bool:
    """Whether the test itself said `sys.exit()`: no frame of another text was running."""
    entry = error.__traceback__
    while entry is not None and entry.tb_next is not None:
        entry = entry.tb_next
    return entry is not None and entry.tb_frame.f_code is test


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
    subject, code = program.compiled(request)
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
        if entry_point is not None:
            namespace[entry_point] = subject.find(entry_point)
        _run(test, entry_point, namespace)
    except program.NotFound as error:
        return {"phase": "missing", "missing": str(error)}
    except BaseException as error:
        described = subject.capture.describe(error)
        if described.get("frames"):  # raised in a frame of the program's
            return {"phase": "raised", "exception": described}
        return {"phase": "failed", "exception": capture.Capture(test).describe(error)}
    return {"phase": "passed"}


def _run_collected(test: Any, namespace: Dict[str, Any]) -> None:
    """Runs the test classes and `test...` functions that the test's text defines."""
    for name in test.co_names:
        found = namespace.get(name)
        if isinstance(found, type) and "unittest" in sys.modules:
            _run_unittest(found)
        if isinstance(found, type) and name.startswith("Test"):
            _run_plain_class(found)
        elif isinstance(found, types.FunctionType) and name.startswith("test"):
            found()


def _run_plain_class(kind: type) -> None:
    """As pytest does: a fresh object for each method."""
    for name in vars(kind):
        if name.startswith("test") and not hasattr(kind, "assertEqual"):
            getattr(kind(), name)()


def _run_unittest(kind: type) -> None:
    import unittest

    if not issubclass(kind, unittest.TestCase):
        return
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(kind).run(result)
    problems = result.errors + result.failures
    if problems or not result.testsRun or result.skipped:
        raise AssertionError(problems[0][1].strip().splitlines()[-1] if problems else "not run")
