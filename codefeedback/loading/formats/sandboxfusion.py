"""SandboxFusion: CommonOJ lists of ``{"input": {"stdin"}, "output": {"stdout"}}``, and AutoEval
rows whose ``test`` is ``{"code": "assert ..."}``."""

from __future__ import annotations

from typing import Any

from codefeedback.problems import CheckCase, Problem, StdinCase

from ..fields import Node, listing, show
from ..format import Format, Options, has_keys, is_python


def detect(data: Any) -> bool:
    if isinstance(data, list):
        return bool(data) and all(
            has_keys(item, "input", "output") and isinstance(item["input"], dict) for item in data
        )
    if not has_keys(data, "test") or has_keys(data, "entry_point"):
        return False
    test = data["test"]
    if isinstance(test, str):
        return test.lstrip()[:1] in ("[", "{")
    return isinstance(test, list) or has_keys(test, "code")


def load(node: Node, options: Options) -> Problem:
    tests = node
    if not isinstance(node.value, list):
        _check_language(node.member("labels"))
        tests = node.need("test").unpacked()
    cases: tuple[CheckCase | StdinCase, ...]
    if isinstance(tests.value, dict):
        cases = (_program(tests),)
    else:
        cases = tuple(_case(number, item) for number, item in enumerate(tests.items(), 1))
    if not cases:
        raise tests.error("no cases")
    return Problem(cases=cases, format="sandboxfusion")


def _case(number: int, item: Node) -> StdinCase:
    given, answer = item.need("input"), item.need("output")
    _only(given, "stdin")
    _only(answer, "stdout")
    return StdinCase(
        name=f"case {number}",
        stdin=given.optional_text("stdin"),
        accepted=(answer.need("stdout").text(),),
    )


def _only(node: Node, key: str) -> None:
    others = [name for name, value in node.object().items() if name != key and value]
    if others:
        raise node.error(f'only "{key}" is supported, found {listing(others)}')


def _program(test: Node) -> CheckCase:
    code = test.need("code").text()
    if "#<INSERT>" in code:
        raise test.member("code").error(
            "the marker #<INSERT> puts the program inside the test; that is not supported"
        )
    if test.first("asset") and test.member("asset").value:
        raise test.member("asset").error("tests with files are not supported")
    return CheckCase(name="case 1", test=code)


def _check_language(labels: Node) -> None:
    if labels.value in (None, ""):
        return
    language = labels.unpacked().optional_text("programming_language")
    if not is_python(language):
        raise labels.error(f"the language is {show(language)}; only Python is supported")


FORMAT = Format(name="sandboxfusion", detect=detect, load=load)
