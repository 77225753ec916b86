from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import codefeedback as cf

PROGRAMS = Path(__file__).parent / "data" / "programs"
RAISING = sorted(folder for folder in PROGRAMS.iterdir() if folder.name.startswith("error-"))


def stderr_of(program: Path) -> str:
    done = subprocess.run(
        [sys.executable, program], capture_output=True, input=b"", timeout=60, check=False
    )
    return done.stderr.decode()


@pytest.mark.parametrize("folder", RAISING, ids=lambda folder: folder.name)
def test_text_and_exception_object_tell_the_same(folder: Path) -> None:
    """What CPython prints and what the guest captures name the same error and line."""
    text = stderr_of(folder / "solution.py")
    trace = cf.parse_traceback(text)
    report = cf.grade((folder / "solution.py").read_bytes(), folder / "tests.json")
    finding = report.findings[0]
    if folder.name in ("error-excepthook-replaced", "error-exit-message"):
        assert trace is None  # nothing of the kind is printed
        return
    assert trace is not None
    assert trace.type_name == finding.kind
    own = [frame for frame in trace.frames if frame.file.endswith("solution.py")]
    if finding.scope is cf.Scope.LINE and folder.name not in ("error-group", "error-exec-own-name"):
        assert own[-1].line == finding.spans[0].start_line


def test_the_last_traceback_counts() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in f\n    x\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n"
        '  File "a.py", line 9, in <module>\n    y\n    ^\npkg.Boom: two\nlines\n\nmore'
    )
    trace = cf.parse_traceback(text)
    assert trace == cf.Trace(
        type_name="Boom",
        bases=("Boom",),
        message="two\nlines",
        frames=(cf.Frame(file="a.py", function="<module>", line=9),),
    )


def test_a_compiler_error_needs_no_header() -> None:
    trace = cf.parse_traceback('  File "a.py", line 3\n    x = (\n        ^\nSyntaxError: no\n')
    assert trace is not None and trace.syntax == cf.SyntaxDetail(file="a.py", line=3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "Traceback (most recent call last):",
        'Traceback (most recent call last):\n  File "a", line 1, in f',
        "Traceback (most recent call last):\n  x\n!!\n",
    ],
)
def test_no_traceback(text: str) -> None:
    assert cf.parse_traceback(text) is None
