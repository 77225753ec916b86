"""Columns of compiler errors behind characters that are no ASCII, in every interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import codefeedback

GUEST = Path(codefeedback.__file__).parent / "guest"
SCRIPT = f"""
import json, sys
sys.path.insert(0, {str(GUEST)!r})
import columns
told = []
for text in json.load(sys.stdin):
    data = text.encode("utf-8", "surrogatepass")
    try:
        compile(data, "x.py", "exec", dont_inherit=True)
        told.append(None)
    except SyntaxError as error:
        columns.settle(error, data)
        told.append([error.lineno, error.offset])
print(json.dumps(told))
"""

#: a text, and what stands where the error begins (None: no column can be sure)
PLACES = [
    ("s = '日本é🎉'; x = = 3\n", "= 3"),
    ("s = '日本é🎉'; return 5\n", "return"),
    ("s = '日本é🎉'; f() = 1\n", "f()"),
    ("s = '日本é🎉'; nonlocal x\n", "nonlocal"),
    ("s = '日本é🎉'; break\n", "break"),
    ("# 日本\ns = 'plain'; break\n", "break"),
    ("\ufeffs = 'é'; x = = 3\n", "= 3"),
    ("日本 = 1\r\nété = 日本; x = = 3\r\n", "= 3"),
    ("s = 1\u00a0+ 2\n", None),
]


def told(python: str) -> list[tuple[int, int | None] | None]:
    done = subprocess.run(
        [python, "-W", "ignore", "-c", SCRIPT],
        input=json.dumps([text for text, _ in PLACES]),
        capture_output=True,
        text=True,
        check=True,
    )
    answer: list[tuple[int, int | None] | None] = json.loads(done.stdout)
    return answer


def test_columns_are_code_points(other_python: str) -> None:
    for (text, place), said in zip(PLACES, told(other_python), strict=True):
        assert said is not None, text
        line, offset = said
        source = codefeedback.Source(text)
        if place is None:
            assert offset is None, text
            continue
        assert offset is not None, text
        at = source.offset_of_column(line, offset - 1)
        assert source.text[at:].startswith(place), (text, said)


@pytest.fixture(params=[sys.executable])
def other_python(request: pytest.FixtureRequest) -> str:
    return str(request.param)
