"""LiveCodeBench."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from typing import Any

import pytest

from codefeedback.errors import ProblemError
from codefeedback.loading import load_problem, packed
from codefeedback.problems import CallCase, StdinCase

from .format_samples import STDIN_TESTS, sample
from .format_samples import packed as pack


def blob(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def row(private: str, public: str = "[]") -> dict[str, Any]:
    return {"question_id": "q", "public_test_cases": public, "private_test_cases": private}


def test_public_and_private() -> None:
    problem = load_problem(sample("livecodebench", "row"))
    assert problem.id == "abc"
    assert [case.name for case in problem.cases] == ["public 1", "private 1"]
    assert problem.cases[0] == StdinCase(name="public 1", stdin="1 2\n", accepted=("3\n",))


def test_functional() -> None:
    problem = load_problem(sample("livecodebench", "functional"))
    assert problem.cases == (
        CallCase(name="public 1", entry_point="solve", args=([1, 2], "a"), accepted=([3],)),
    )
    assert "from typing import *" in problem.prelude


def test_sample_with_text_arguments() -> None:
    problem = load_problem(sample("livecodebench", "sample"))
    assert [getattr(case, "accepted") for case in problem.cases] == [(3,), ([7],)]  # noqa: B009


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_tests(protocol: int) -> None:
    data = row(blob(pickle.dumps(json.dumps(STDIN_TESTS), protocol=protocol)))
    with pytest.raises(ProblemError, match=r"private_test_cases: no cases: .*--allow-pickle"):
        load_problem(data)
    assert len(load_problem(data, allow_pickle=True).cases) == 1


def test_pickled_tests_are_told_as_skipped() -> None:
    data = row(pack(STDIN_TESTS, pickled=True), public=json.dumps(STDIN_TESTS))
    problem = load_problem(data)
    assert len(problem.cases) == 1
    (skipped,) = problem.skipped
    assert skipped.what == "private_test_cases"
    assert "--allow-pickle" in skipped.why


def test_packed_sample() -> None:
    content = {"input_output": json.dumps({"inputs": ["1"], "outputs": ["2"], "fn_name": None})}
    data = {"id": 1, "test": blob(pickle.dumps(content, protocol=4)), "labels": "{}"}
    assert len(load_problem(data, allow_pickle=True).cases) == 1
    with pytest.raises(ProblemError, match="test: no cases: they are pickled"):
        load_problem(data)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('ran')",))


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Evil()),
        pickle.dumps([Evil()], protocol=2),
        pickle.dumps(["[]"]),
        pickle.dumps(3),
        b"\x80\x04.",
        b"\x80\x04\x8c\x02[]",
        b"\x80\x04s.",
        b"\x80\x04\x8c\x01a\x8c\x01b.",
        b"\x80\xff\xff",
        b"\xff\xfe",
        b"\x80\x04}}]s.",
    ],
)
def test_nothing_is_unpickled(data: bytes) -> None:
    with pytest.raises(ProblemError, match="private_test_cases: "):
        load_problem(row(blob(data)), allow_pickle=True)


def test_zip_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(ProblemError, match="more than 1000 bytes when unpacked"):
        load_problem(row(blob(b"[" + b" " * 1001 + b"]")))
    assert load_problem(row(blob(json.dumps(STDIN_TESTS).encode()))).cases
