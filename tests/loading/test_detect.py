"""Which format is it?"""

from __future__ import annotations

from typing import Any

import pytest

from codefeedback.errors import ProblemError
from codefeedback.loading import FORMATS, detect, load_problem
from codefeedback.loading.registry import matches

from .format_samples import SAMPLES

IDS = [f"{kind}-{name}" for kind, name, _ in SAMPLES]


@pytest.mark.parametrize(("kind", "name", "data"), SAMPLES, ids=IDS)
def test_each_sample_has_one_format(kind: str, name: str, data: Any) -> None:
    assert matches(data) == [kind]
    assert detect(data) == kind
    assert load_problem(data).format == kind


@pytest.mark.parametrize(("kind", "name", "data"), SAMPLES, ids=IDS)
def test_naming_the_format_changes_nothing(kind: str, name: str, data: Any) -> None:
    assert load_problem(data, tests_format=kind) == load_problem(data)


def test_every_format_has_a_sample() -> None:
    assert {kind for kind, _, _ in SAMPLES} == set(FORMATS)
    assert list(FORMATS) == sorted(FORMATS)


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        "x",
        [],
        {},
        [None],
        [{}],
        {"test": "assert True or False"},
        {"test": 3},
        {"reward_model": None},
        {"input": "1"},
        [{"input": "1", "output": "2"}],
    ],
)
def test_other_data_has_none(data: Any) -> None:
    assert matches(data) == []
    with pytest.raises(ProblemError, match="known formats: apps, "):
        detect(data)


def test_the_error_names_the_keys() -> None:
    with pytest.raises(ProblemError, match='found an object with the keys "question", "n"'):
        detect({"question": 1, "n": 2})


def test_unknown_format_name() -> None:
    with pytest.raises(ProblemError, match=r'unknown tests format "humanevl" \(did you mean "hum'):
        load_problem({}, tests_format="humanevl")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("data", [None, 3, "x", "", [], {}, [None], [[]], [3], {"x": 1}])
def test_a_named_format_that_is_wrong(kind: str, data: Any) -> None:
    if isinstance(data, (dict, list)):
        with pytest.raises(ProblemError):
            load_problem(data, tests_format=kind)
