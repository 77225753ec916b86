"""The formats whose tests are Python: HumanEval, MBPP, LeetCode."""

from __future__ import annotations

import pytest

from codefeedback.errors import ProblemError
from codefeedback.loading import load_problem
from codefeedback.problems import CheckCase

from .format_samples import CHECK, PROMPT, sample


def test_humaneval() -> None:
    problem = load_problem(sample("humaneval", "row"))
    assert problem.cases == (CheckCase(name="check", test=CHECK, entry_point="inc", setup=PROMPT),)
    assert problem.prompt == PROMPT
    assert problem.reference == PROMPT + "    return x + 1\n"
    assert problem.id == "HumanEval/900"


@pytest.mark.parametrize(
    "prompt",
    [
        "def f(x):\n",
        "def f(x):",
        "class A:\n    def f(self):\n",
        "def f(x):\n    # why\n",
        "\tx"[:0],
    ],
)
def test_humaneval_prompts_without_a_body(prompt: str) -> None:
    problem = load_problem({**sample("humaneval", "row"), "prompt": prompt})
    (case,) = problem.cases
    assert isinstance(case, CheckCase)
    compile(case.setup, "setup", "exec")
    assert case.setup.startswith(prompt)
    assert problem.prompt == prompt


def test_humaneval_invalid_escapes_are_no_warning() -> None:
    prompt = 'def f(x):\n    """\\d"""\n'
    assert load_problem({**sample("humaneval", "row"), "prompt": prompt}).prompt == prompt


def test_mbpp() -> None:
    problem = load_problem(sample("mbpp", "row"))
    assert problem.id == "900"
    assert problem.cases[1] == CheckCase(
        name="case 2", test="assert inc(2) == 3", setup="import math", entry_point="inc"
    )
    assert problem.reference == "def inc(x): return x + 1"
    assert [item.what for item in problem.skipped] == ["challenge_test_list: 1 tests"]


def test_mbpp_sanitized() -> None:
    data = {"task_id": 2, "test_list": ["assert True"], "test_imports": ["import re", "import os"]}
    (case,) = load_problem(data).cases
    assert isinstance(case, CheckCase)
    assert case.setup == "import re\nimport os"


@pytest.mark.parametrize(
    ("test", "code", "entry_point"),
    [
        ("assert sum(10, 15) == 6", "def sum(a, b): return a", "sum"),
        ("assert sum(10, 15) == 6", None, "sum"),
        ("assert set(f((1, 2))) == set((1,))", None, "f"),
        ("assert set(f(1)) == g(2)", "def g(x): ...\ndef f(x): ...\ndef h(x): ...", "f"),
        ("assert Solution().f(1)", "class Solution: ...", None),
        ("assert True", None, None),
    ],
)
def test_mbpp_entry_point(test: str, code: str | None, entry_point: str | None) -> None:
    (case,) = load_problem({"task_id": 1, "test_list": [test], "code": code}).cases
    assert isinstance(case, CheckCase)
    assert case.entry_point == entry_point


def test_leetcode() -> None:
    problem = load_problem(sample("leetcode", "row"))
    (case,) = problem.cases
    assert isinstance(case, CheckCase)
    assert case.setup == problem.prelude == "from typing import *\n"
    assert problem.reference and problem.reference.startswith("from typing import *\n\nclass Sol")
    assert (problem.id, problem.skipped) == ("3243", ())


def test_leetcode_other_answers_are_told() -> None:
    data = {**sample("leetcode", "row"), "answer": ["assert False"]}
    assert [item.what for item in load_problem(data).skipped] == ["answer"]


def test_leetcode_without_asserts() -> None:
    with pytest.raises(ProblemError, match="gt_answer: no cases"):
        load_problem({**sample("leetcode", "row"), "gt_answer": []})
