"""The published JSON Schema and the loader agree."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from codefeedback.errors import ProblemError
from codefeedback.loading import FORMATS, detect, load_problem, to_native

from .format_samples import SAMPLES
from .test_malformed import FILES

SCHEMA = json.loads(
    files("codefeedback").joinpath("schemas/tests.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)

#: What only the loader can know: other files, other members, what text means.
BEYOND_SCHEMA = {
    "any_of_inherited",
    "any_of_without_array",
    "checker_file_missing",
    "checker_without_program",
    "expected_missing",
    "name_like_default",
    "name_twice",
    "repeated_key",
    "tag_int_5000_digits",
    "tag_int_bad",
    "tag_unhashable",
    "value_too_deep",
    "limits_nan",
    "utf_16",
}


def malformed() -> list[Any]:
    """The malformed files that are JSON and mean to be native."""
    found = []
    for slug, path in sorted(FILES.items()):
        try:
            data = json.loads(path.read_bytes())
            native = isinstance(data, dict) and ("cases" in data or detect(data) == "native")
        except (ValueError, ProblemError):
            continue
        if native:
            found.append(pytest.param(data, id=slug))
    return found


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "data", [pytest.param(data, id=name) for kind, name, data in SAMPLES if kind == "native"]
)
def test_native_samples(data: Any) -> None:
    VALIDATOR.validate(data)


@pytest.mark.parametrize(
    "data", [pytest.param(data, id=f"{kind}-{name}") for kind, name, data in SAMPLES]
)
def test_what_is_written(data: Any) -> None:
    VALIDATOR.validate(json.loads(json.dumps(to_native(load_problem(data)))))


@pytest.mark.parametrize("data", malformed())
def test_malformed(data: Any, request: pytest.FixtureRequest) -> None:
    slug = request.node.callspec.id
    assert VALIDATOR.is_valid(data) == (slug in BEYOND_SCHEMA)


def test_the_examples_of_the_documentation() -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "formats.md"
    blocks = re.findall(
        r"<!-- format: (\S+) -->\n```json\n(.*?)```", page.read_text("utf-8"), re.DOTALL
    )
    assert {name for name, _ in blocks} == set(FORMATS)
    for name, text in blocks:
        data = json.loads(text)
        assert detect(data) == name
        problem = load_problem(data)
        if name == "native":
            VALIDATOR.validate(data)
        assert problem.cases
