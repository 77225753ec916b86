"""Programs that go wrong in every way we know of: we blame the line that CPython names.

Each folder of tests/data/errors holds a program and what CPython 3.8 to 3.13 print of it;
exceptions.json there says where we mean another line, and why. benchmarks/error_lines.py compares,
and writes traces.json.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import codefeedback as cf
from codefeedback.analysis.taxonomy import SYNTAX, rule_for

DATA = Path(__file__).parent / "data" / "errors"
BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "error_lines.py"
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
SLUGS = sorted(path.parent.name for path in DATA.glob("*/program.py"))
#: Of the programs, one in so many is graded by the interpreters that do not run these tests.
STRIDE = 12


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("error_lines", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


error_lines = load()
INTERPRETERS: dict[str, str] = error_lines.interpreters()
CAPTURED: dict[str, str] = json.loads((DATA / "interpreters.json").read_text())
EXCEPTIONS: dict[str, dict[str, Any]] = json.loads((DATA / "exceptions.json").read_text())


@cache
def outcomes(version: str, stride: int) -> dict[str, Any]:
    """By the program's name."""
    python = INTERPRETERS.get(version, "")
    if not python or error_lines.full_version(python) != CAPTURED.get(version):
        pytest.skip(f"what CPython {version} prints was captured with {CAPTURED.get(version)}")
    try:
        cases = list(error_lines.cases_of(version))[::stride]
        found = list(error_lines.outcomes(cases, python, workers=2))
    except cf.SandboxUnavailableError as error:
        pytest.skip(str(error))
    return {outcome.case.slug: outcome for outcome in found}


@pytest.mark.parametrize("slug", SLUGS)
def test_we_blame_the_line_that_cpython_names(slug: str) -> None:
    outcome = outcomes(OWN, 1)[slug]
    assert outcome.right, str(outcome)


@pytest.mark.parametrize("version", [key for key in CAPTURED if key != OWN])
def test_under_other_interpreters(version: str) -> None:
    found = outcomes(version, STRIDE)
    assert len(found) > 50
    assert [str(outcome) for outcome in found.values() if not outcome.right] == []


def test_what_was_captured_can_be_read_again() -> None:
    for slug in SLUGS:
        traces = json.loads((DATA / slug / "traces.json").read_text())
        assert list(traces) == list(CAPTURED), slug
        for entry in traces.values():
            assert entry is None or error_lines.entry_of(1, entry["stderr"]) == entry, slug


def test_exceptions_are_still_needed() -> None:
    for slug, versions in EXCEPTIONS.items():
        traces = json.loads((DATA / slug / "traces.json").read_text())
        for version in CAPTURED if "all" in versions else versions:
            stated = versions["all" if "all" in versions else version]
            entry = traces[version] or {"line": None, "type": None}
            same = entry["line"] == stated["line"] and stated.get("kind") in (None, entry["type"])
            assert stated["why"] and not same, (slug, version)


# --- the compiler's messages --------------------------------------------------------------------


MESSAGES: dict[str, dict[str, Any]] = json.loads((DATA / "syntax_messages.json").read_text())


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_of_the_compiler_has_a_shape(message: str) -> None:
    entry = MESSAGES[message]
    rule = rule_for([entry["class"], "SyntaxError"], message)
    assert rule.name == entry["rule"]


@pytest.mark.parametrize("message", [key for key in MESSAGES if MESSAGES[key]["example"]])
def test_examples_provoke_their_message(message: str) -> None:
    entry = MESSAGES[message]
    if OWN not in entry["provoked"] or entry.get("needs") == "file":
        pytest.skip(f"compile() does not say this in {OWN}")
    example = entry["example"].encode("utf-8", "surrogateescape")
    with warnings.catch_warnings(), pytest.raises(SyntaxError) as caught:
        warnings.simplefilter("error" if "needs" in entry else "ignore")
        compile(example, "program.py", "exec", dont_inherit=True)
    kind = type(caught.value).__name__
    assert kind == entry["class"]
    assert rule_for([kind, "SyntaxError"], caught.value.msg).name == entry["rule"]


def test_every_row_for_the_compiler_has_a_message() -> None:
    named = {entry["rule"] for entry in MESSAGES.values()}
    rows = {rule.name for rule in SYNTAX if rule.messages}
    assert rows <= named
