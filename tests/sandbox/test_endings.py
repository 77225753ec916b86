"""A program's process ends as CPython's own does, though the local sandbox leaves the interpreter's
shut-down out where it can."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codefeedback import Limits, LocalSandbox, Source
from codefeedback.sandbox.interface import Script
from codefeedback.sandbox.probe import offer_of

LIMITS = Limits(cpu_seconds=2, wall_seconds=4)
ENDINGS = {
    "plain": "print(input())",
    "status": "import sys; print('x'); sys.exit(7)",
    "status text": "import sys; print('x'); sys.exit('bad')",
    "status large": "import sys; sys.exit(1000)",
    "status negative": "import sys; sys.exit(-1)",
    "raises": "print('x'); 1 / 0",
    "exit function": "import atexit; atexit.register(print, 'late'); print('x')",
    "exit function that leaves": "import atexit, os; atexit.register(os._exit, 5); print('x')",
    "exit function that raises": "import atexit; atexit.register(lambda: 1 / 0); print('x')",
    "thread that leaves": "import threading, os, time\ndef main(): time.sleep(.05); os._exit(3)\n"
    "threading.Thread(target=main).start()\nprint('x')",
    "thread that prints": "import threading, time\ndef main(): time.sleep(.05); print('late')\n"
    "threading.Thread(target=main).start()\nprint('x')",
    "daemon": "import threading, time\n"
    "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint('x')",
    "finalizer": "class D:\n    def __del__(self): print('gone')\nd = D()",
    "finalizer in a cycle": "class D:\n    def __del__(self): print('gone')\nd = D(); d.d = d",
    "weak finalizer": "import weakref\nclass D: pass\nd = D(); weakref.finalize(d, print, 'gone')",
    "generator": "def g():\n    try: yield 1\n    finally: print('closed')\nit = g(); next(it)",
    "file that is not closed": "out = open(1, 'w', closefd=False); out.write('x')",
    "binary file that is not closed": "out = open(1, 'wb', closefd=False); out.write(b'x')",
    "file in a frozen heap": "out = open(1, 'w', closefd=False); out.write('x')\n"
    "import gc; gc.freeze()",
    "stdout replaced": "import io, sys\nsys.stdout = io.StringIO(); print('x')\n"
    "sys.__stdout__.write(sys.stdout.getvalue().upper())",
    "stdout closed": "import sys; print('x'); sys.stdout.close()",
    "stdout detached": "import sys; out = sys.stdout.detach(); out.write(b'x')",
    "stdout gone": "import os; print('x'); os.close(1)",
    "C library": "import ctypes; ctypes.CDLL(None).puts(b'x')",
    "no flush": "import os; print('x'); os._exit(0)",
    "flushed by hand": "import os; print('x', flush=True); os._exit(0)",
    "interpreter's own": "import subprocess, sys\n"
    "print(subprocess.run([sys.executable, '-c', 'print(2)'], stdout=-1).stdout)",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    if offer_of(sys.executable).seccomp is None:
        pytest.skip("the local sandbox does not work here")
    with LocalSandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_end_is_the_interpreter_s(sandbox: LocalSandbox, tmp_path: Path, ending: str) -> None:
    program = tmp_path / "solution.py"
    program.write_text(ENDINGS[ending])
    line = [sys.executable, "-s", "-S", str(program)]
    environment = {"LANG": "C.UTF-8"}  # PYTHONUNBUFFERED, for one, would change the end
    plain = subprocess.run(
        line, input=b"hello\n", capture_output=True, check=False, env=environment
    )
    command = Script(program=Source(ENDINGS[ending]), stdin=b"hello\n")
    alone, *together = [sandbox.run(command, LIMITS), *sandbox.run_all([command] * 2, LIMITS)]
    for run in (alone, *together):
        assert (run.stdout, run.exit_code) == (plain.stdout, plain.returncode)
