"""The program under test, inside its own process: compiled, run, called."""

from __future__ import annotations

import os
import sys
import types
from typing import Any, Callable, Dict, List, NoReturn, Optional, Tuple

from . import capture, columns, coverage, ending, report, values

_NOT_QUICK = (b"ctypes", b"freeze")
_PRELUDE_NAME = "<prelude>"
_ENOUGH_FRAMES = 10000  # for encoding a value that is nested as deeply as values may be
# Taken now: the program may replace them.
_recursion_limit, _set_recursion_limit = sys.getrecursionlimit, sys.setrecursionlimit


class BadProblem(Exception):
    """Code that the problem brings along (prelude, setup, test) failed by itself."""


class NotFound(Exception):
    """The program does not define what a test calls."""


class Program:
    """A program's text, its module, and what describes its exceptions."""

    def __init__(self, request: Dict[str, Any]) -> None:
        module_name = "__main__" if request["kind"] == "script" else _module_name(request)
        self.name: str = request["name"]
        self.kind: str = request["kind"]
        self._prelude: str = request["prelude"]
        self._request = request
        self.code: Optional[types.CodeType] = None
        #: the descriptor for marks of its lines that run, and how many lines it has
        self.marks: Optional[Tuple[int, int]] = None
        self.capture = capture.Capture()
        self.module = types.ModuleType(module_name)
        self.module.__dict__.update(
            __file__=self.name, __builtins__=__import__("builtins"), __loader__=None
        )
        if module_name == "__main__":
            self.module.__dict__.update(__package__=None)
        sys.modules[module_name] = self.module

    def compile(self) -> Optional[types.CodeType]:
        """The code object; None when the program does not compile, which is then reported."""
        if self.code is not None:
            return self.code
        try:
            self.code = self._request.get("code") or compile_program(self._request)
        except Exception as error:
            report.write(does_not_compile(error))
            return None
        self.capture = capture.Capture(self.code)
        return self.code

    def execute(self, code: types.CodeType) -> None:
        """Runs the program's top level, after the prelude, in the program's module."""
        if self._prelude:
            run_foreign(self._prelude, _PRELUDE_NAME, self.module.__dict__)
        # What the program may use counts from here, not from the guest's own frames.
        sys.setrecursionlimit(sys.getrecursionlimit() + _depth())
        if self.marks is None:
            exec(code, self.module.__dict__)
        else:
            self._execute_watched(code, *self.marks)

    def _execute_watched(self, code: types.CodeType, fd: int, lines: int) -> None:
        loads = self.kind != "script"
        watch = coverage.watch(code, fd, lines, loads)
        os.close(fd)
        if watch is None:
            exec(code, self.module.__dict__)
            return
        try:
            exec(code, self.module.__dict__)
            if loads:
                watch.loaded()
                _before_leaving.append(watch.settle)
        finally:
            watch.settle()

    def find(self, path: str) -> Callable[..., Any]:
        """What `path` (``f``, ``Solution.f``) names. A bare name that the program does not
        define is looked for in its class ``Solution``. Raises NotFound."""
        scope: Dict[str, Any] = self.module.__dict__
        first, *rest = path.split(".")
        if first not in scope:
            if rest or "Solution" not in scope:
                raise NotFound(path)
            first, rest = "Solution", [first]
        found = scope[first]
        for attribute in rest:
            if isinstance(found, type):
                if not hasattr(found, attribute):
                    raise NotFound(path)
                found = found()
            try:
                found = getattr(found, attribute)
            except AttributeError:
                raise NotFound(path) from None
        return found  # type: ignore[no-any-return]


def compile_program(request: Dict[str, Any]) -> types.CodeType:
    """Raises what CPython's compiler raises."""
    text: Any = request["data"]
    if request["ignore_cookie"]:
        text = text.decode("utf-8", "surrogatepass")
    else:
        _check_encoding(text, request["name"])
    try:
        return compile(text, request["name"], "exec", dont_inherit=True)
    except SyntaxError as error:
        columns.settle(error, request["data"])
        raise


def does_not_compile(error: Exception) -> Dict[str, Any]:
    """The report of a program that does not compile."""
    described = capture.Capture().describe(error)
    if "syntax" in described:
        described["syntax"]["can_go_on"] = getattr(error, "can_go_on", None)
    return {"phase": "compile", "exception": described}


def _check_encoding(data: bytes, name: str) -> None:
    """What CPython asks of a file and not of bytes: no foreign bytes, not even in a comment."""
    if columns.has_cookie(data):
        return  # the compiler itself reads it as declared
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = len((data[: error.start] + b"x").splitlines())
        text = "Non-UTF-8 code starting with '\\x%02x'" % data[error.start]
        raise SyntaxError(text, (name, line, None, None)) from None


def _depth() -> int:
    frame: Optional[types.FrameType] = sys._getframe()
    depth = 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def run_foreign(text: str, name: str, scope: Dict[str, Any]) -> None:
    """Runs code that comes with the problem. Raises BadProblem when it fails."""
    try:
        exec(compile(text, name, "exec", dont_inherit=True), scope)
    except BaseException as error:
        kind = values.type_name(type(error))
        raise BadProblem("%s: %s: %s" % (name.strip("<>"), kind, error)) from None


def run_script(request: Dict[str, Any]) -> None:
    """Runs the program as ``python NAME ARGS`` would; leaves by SystemExit."""
    program = prepared(request)
    # What these hold back, or keep from us, would be lost.
    quick = request["quick"] and not any(word in request["data"] for word in _NOT_QUICK)
    end = ending.end_quickly if quick else ending.end
    code = program.compile()
    if code is None:
        end(1)
    sys.argv[:] = [program.name, *request["args"]]
    report.running(request["compiled"])
    try:
        try:
            program.execute(code)
        finally:
            ending.flush()  # as CPython does, before threads and exit functions have their turn
    except BadProblem as error:
        _fail(error)
    except SystemExit as error:
        report.write({"phase": "run", "exception": program.capture.describe(error)})
        end(error.code)
    except BaseException as error:
        caught = error
    else:
        end(None)
    # Outside of the handler: up to 3.9 CPython hangs where a context that is a cycle meets another.
    report.write({"phase": "run", "exception": program.capture.describe(caught)})
    _print_uncaught(caught)
    end(1)


def _print_uncaught(error: BaseException) -> None:
    """What CPython prints, without the guest's own frames at the top."""
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename == __file__:
        tb = tb.tb_next
    BaseException.with_traceback(error, tb)
    try:
        sys.excepthook(type(error), error, tb)
    except BaseException:
        pass  # the program's own hook failed; its exit status is 1 all the same


def run_call(request: Dict[str, Any]) -> None:
    """Imports the program and calls one function of it; reports the value it returns."""
    program, code = compiled(request)
    # Read before the program runs: what it does to the guest cannot change its arguments.
    args, kwargs = arguments(request)
    execute_or_leave(program, code)
    outcome = outcome_of_call(program, request["entry_point"], args, kwargs)
    report.write(outcome)
    leave(0 if outcome["phase"] == "done" else 1)


def run_calls(request: Dict[str, Any]) -> None:
    """Imports the program and makes calls until one raises; reports values if all are plain."""
    program, code = compiled(request)
    calls = [(call["entry_point"], arguments(call)) for call in request["calls"]]
    execute_or_leave(program, code)
    returned = []
    outcome: Dict[str, Any] = {"phase": "run"}
    found = None
    if request["find_once"]:
        try:
            found = program.find(calls[0][0])
        except NotFound as error:
            report.write({"phase": "run", "missing": str(error), "values": []})
            leave(0)
        except BaseException:  # the test itself is to say what that comes to
            leave(0)
    for entry_point, (args, kwargs) in calls:
        outcome = outcome_of_call(program, entry_point, args, kwargs, _refuse, found)
        if "value" not in outcome:
            break
        returned.append(outcome.pop("value"))
    if "refused" not in outcome:
        report.write({**outcome, "phase": "run", "values": returned})
    leave(0)


class _Refused(Exception):
    """A value is not of an exact builtin type."""


def _refuse(*_: Any) -> Any:
    raise _Refused


def outcome_of_call(
    program: Program,
    entry_point: str,
    args: Any,
    kwargs: Dict[str, Any],
    odd: Optional[Callable[..., Any]] = None,
    found: Optional[Callable[..., Any]] = None,
) -> Dict[str, Any]:
    """The report of one call, of what was `found` or of what the program has under that name now.

    `odd` is asked about values that are of no builtin type.
    """
    function = found
    try:
        function = found or program.find(entry_point)
        returned = function(*args, **kwargs)
        return {"phase": "done", "value": _encoded(returned, odd)}
    except _Refused:
        return {"refused": True}
    except NotFound as error:
        return {"phase": "run", "missing": str(error)}
    except BaseException as error:
        return {"phase": "run", "exception": program.capture.describe(error, function)}


def _encoded(value: Any, odd: Optional[Callable[..., Any]]) -> Any:
    limit = _recursion_limit()
    _set_recursion_limit(max(limit, _ENOUGH_FRAMES))  # the program may have set a small one
    try:
        return values.encode(value, odd, None, odd)
    finally:
        _set_recursion_limit(limit)


def compiled(request: Dict[str, Any]) -> Tuple[Program, types.CodeType]:
    """The program as a module to be; leaves the process, with a report, if it does not compile."""
    program = prepared(request)
    code = program.compile()
    if code is None:
        leave(1)
    report.running(request["compiled"])
    return program, code


def prepared(request: Dict[str, Any]) -> Program:
    """The program of a request: what a supervisor got ready, or a new one."""
    known: Optional[Program] = request.get("prepared")
    program = known if known is not None and known.kind == request["kind"] else Program(request)
    if "marks" in request:
        program.marks = request["marks"]
    return program


def load(request: Dict[str, Any]) -> Program:
    """Imports the program; leaves the process, with a report, when that fails."""
    program, code = compiled(request)
    execute_or_leave(program, code)
    return program


def execute_or_leave(program: Program, code: types.CodeType) -> None:
    """Runs the top level of a program that is imported; leaves, with a report, when it fails."""
    try:
        program.execute(code)
    except BadProblem as error:
        _fail(error)
    except BaseException as error:
        report.write({"phase": "run", "exception": program.capture.describe(error)})
        leave(1)


def _module_name(request: Dict[str, Any]) -> str:
    """A program that is imported is not ``__main__``: its main block does not run."""
    stem: str = request["name"].rsplit(".", 1)[0]
    return stem if stem.isidentifier() and stem not in sys.modules else "solution"


def arguments(request: Dict[str, Any]) -> Tuple[Any, Dict[str, Any]]:
    kwargs = {name: values.decode(value) for name, value in request["kwargs"].items()}
    return values.decode(request["args"]), kwargs


def _fail(error: BadProblem) -> NoReturn:
    report.write({"phase": "problem", "reason": str(error)})
    leave(1)


_before_leaving: List[Callable[[], None]] = []


def leave(status: int) -> NoReturn:
    """Ends the process now, with what the program printed; its threads and hooks have no say."""
    for step in _before_leaving:
        step()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass
    os._exit(status)
