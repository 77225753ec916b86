"""Real problems, where the environment variable CODEFEEDBACK_DATA names a folder of them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from codefeedback.loading import load_problem, load_problems, to_native
from codefeedback.problems import CheckCase

DATA = os.environ.get("CODEFEEDBACK_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="CODEFEEDBACK_DATA names no folder of problems")


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("humaneval/problems.jsonl", "humaneval", 164),
        ("mbpp/problems.jsonl", "mbpp", 214),
        ("apps", "apps", 2),
        ("code_contests/problems.jsonl", "sandboxfusion", 10),
        ("livecodebench/problems.jsonl", "livecodebench", 3),
        ("leetcode/problems.jsonl", "leetcode", 40),
    ],
)
def test_all_problems(name: str, kind: str, count: int) -> None:
    path = Path(DATA or "", name)
    if not path.exists():
        pytest.skip(f"no {name} in CODEFEEDBACK_DATA")
    problems = list(load_problems(path, allow_pickle=True))
    assert len(problems) == count
    assert {problem.format for problem in problems} == {kind}
    for problem in problems:
        back = load_problem(json.loads(json.dumps(to_native(problem))))
        assert back == replace(problem, format="native")
        for case in problem.cases:
            if isinstance(case, CheckCase):
                compile(case.setup, "setup", "exec")
