"""Malformed tests files: one clear message each, never a traceback."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from codefeedback.errors import ProblemError
from codefeedback.loading import load_problem, load_problems

FOLDER = Path(__file__).parent.parent / "data" / "malformed"
FILES = {path.stem: path for path in FOLDER.iterdir() if path.name != "messages.json"}
MESSAGES: dict[str, str] = json.loads((FOLDER / "messages.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("slug", sorted(MESSAGES))
def test_message(slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    name = FILES[slug].name
    with pytest.raises(ProblemError) as caught:
        if name.endswith(".jsonl"):
            list(load_problems(name))
        elif slug == "array_row":
            load_problem(name, problem_id="1")
        else:
            load_problem(name)
    assert str(caught.value) == MESSAGES[slug]
    assert caught.value.__cause__ is None
    assert caught.value.source in (name, f"{name}:{caught.value.source.rpartition(':')[2]}")


def test_every_file_has_a_message() -> None:
    assert set(FILES) == set(MESSAGES)


def test_deep_nesting(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text('{"cases": ' + "[" * 200_000 + "]" * 200_000 + "}")
    with pytest.raises(ProblemError, match=r"deep.json: not readable: nested too deeply"):
        load_problem(path)


def test_long_numbers(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    for digits in ("9" * 5000, "-" + "1" * 8001):
        path.write_text('{"cases": [{"entry_point": "f", "expected": ' + digits + "}]}")
        (case,) = load_problem(path).cases
        expected = sum(int(d) * 10**n for n, d in enumerate(reversed(digits.lstrip("-"))))
        assert getattr(case, "accepted") == (-expected if digits[0] == "-" else expected,)  # noqa: B009
    path.write_text('{"cases": [{"expected_stdout": ' + "9" * 100_001 + "}]}")
    with pytest.raises(ProblemError, match=r"a number of 100001 digits \(at most 100000 are read"):
        load_problem(path)


def test_trailing_comma(tmp_path: Path) -> None:
    path = tmp_path / "comma.json"
    path.write_text('{\n  "cases": [],\n}\n')
    with pytest.raises(ProblemError, match=r"comma.json: line [23], column \d+: "):
        load_problem(path)


@pytest.mark.parametrize("slug", sorted(FILES))
def test_cut_anywhere(slug: str, tmp_path: Path) -> None:
    """A file that ends too early is an error or a problem, and never anything else."""
    data = FILES[slug].read_bytes()
    path = tmp_path / FILES[slug].name
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for end in range(0, len(data), max(1, len(data) // 20)):
            path.write_bytes(data[:end])
            try:
                load_problem(path, allow_pickle=True)
            except ProblemError as error:
                assert error.source.startswith(str(path))
