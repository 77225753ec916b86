"""One small problem in every format, as decoded JSON, for the tests that go over all of them."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from typing import Any


def packed(content: object, *, pickled: bool = False) -> str:
    """Tests as LiveCodeBench packs them: base64 of zlib of JSON, or of a pickle of it."""
    text = json.dumps(content)
    data = pickle.dumps(text, protocol=4) if pickled else text.encode()
    return base64.b64encode(zlib.compress(data)).decode()


STDIN_TESTS = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]
FUNCTIONAL_TESTS = [{"input": '[1, 2]\n"a"', "output": "[3]", "testtype": "functional"}]
COMMON_OJ = [{"input": {"stdin": "1 2\n"}, "output": {"stdout": "3\n"}}]
TEXT_CALLS = {"fn_name": "add", "inputs": ["1\n2", "3\n4"], "outputs": ["3", "[7]"]}
CHECK = "def check(candidate):\n    assert candidate(1) == 2\n"
PROMPT = 'def inc(x):\n    """Add one."""\n'

#: (format, a name for the sample, its data)
SAMPLES: list[tuple[str, str, Any]] = [
    (
        "native",
        "stdin",
        {"schema_version": 1, "cases": [{"stdin": "1\n", "expected_stdout": ["2\n", "2.0\n"]}]},
    ),
    (
        "native",
        "call",
        {
            "id": "p",
            "policy": "floats",
            "limits": {"cpu_seconds": 2.5, "memory_bytes": 1e9},
            "prelude": "import math\n",
            "reference": "def f(*a, **k): return a, k\n",
            "skipped": [{"what": "a test", "why": "a reason"}],
            "cases": [
                {"entry_point": "f", "args": [{"$tuple": [1]}], "kwargs": {"k": {"$set": [1]}}},
                {"entry_point": "f", "expected": {"$int": "0x10"}, "name": "big"},
                {"entry_point": "A.f", "expected": [1, 2], "policy": "any-of:floats"},
                {"entry_point": "f", "accepted": [None, 0]},
            ],
        },
    ),
    (
        "native",
        "check",
        {
            "prompt": "x",
            "cases": [{"test": CHECK, "entry_point": "inc", "setup": "n = 1"}],
            "checker": "print(1)",
            "policy": "checker",
        },
    ),
    ("apps", "stdin", {"inputs": ["1 2\n", ["3", "4"]], "outputs": ["3\n", ["7", ""]]}),
    ("apps", "call", {"fn_name": "add", "inputs": [[1, 2]], "outputs": [[3]]}),
    (
        "apps",
        "column",
        {"problem_id": 7, "input_output": '{"inputs": ["1"], "outputs": ["2"]}', "url": ""},
    ),
    (
        "humaneval",
        "row",
        {
            "task_id": "HumanEval/900",
            "prompt": PROMPT,
            "test": CHECK,
            "entry_point": "inc",
            "canonical_solution": "    return x + 1\n",
        },
    ),
    (
        "mbpp",
        "row",
        {
            "task_id": 900,
            "text": "Add one.",
            "code": "def inc(x): return x + 1",
            "test_list": ["assert inc(1) == 2", "assert inc(2) == 3"],
            "test_setup_code": "import math",
            "challenge_test_list": ["assert inc(-1) == 0"],
        },
    ),
    (
        "livecodebench",
        "row",
        {
            "question_id": "abc",
            "public_test_cases": json.dumps(STDIN_TESTS),
            "private_test_cases": packed(STDIN_TESTS),
            "metadata": "{}",
        },
    ),
    (
        "livecodebench",
        "functional",
        {
            "question_id": "abc",
            "public_test_cases": json.dumps(FUNCTIONAL_TESTS),
            "metadata": '{"func_name": "solve"}',
        },
    ),
    ("livecodebench", "tests", STDIN_TESTS),
    ("livecodebench", "sample", {"input_output": json.dumps(TEXT_CALLS)}),
    ("livecodebench", "packed", {"id": 1, "test": packed({"input_output": TEXT_CALLS})}),
    (
        "code-contests",
        "row",
        {
            "name": "1_A. Sum",
            "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
            "private_tests": {"input": [], "output": []},
            "generated_tests": {"input": ["3 4\n"], "output": ["7\n"]},
            "time_limit": {"seconds": 1, "nanos": 500_000_000},
            "memory_limit_bytes": 256_000_000,
            "input_file": "",
            "output_file": "",
        },
    ),
    ("sandboxfusion", "row", {"id": 0, "labels": "{}", "test": json.dumps(COMMON_OJ)}),
    ("sandboxfusion", "tests", COMMON_OJ),
    ("sandboxfusion", "code", {"id": 0, "test": {"code": "assert inc(1) == 2", "asset": {}}}),
    (
        "open-r1",
        "column",
        {
            "verification_info": {
                "language": "python",
                "test_cases": [{"input": "1 2\n", "output": "3\n", "type": "stdin_stdout"}],
            }
        },
    ),
    (
        "open-r1",
        "columns",
        {
            "fn_name": "add",
            "test_case_inputs": ["1\n2", [3, 4]],
            "test_case_outputs": ["3", [7]],
            "timeout": 20,
        },
    ),
    (
        "verl",
        "row",
        {"data_source": "apps", "reward_model": {"ground_truth": json.dumps(TEXT_CALLS)}},
    ),
    ("verl", "text calls", TEXT_CALLS),
    ("verl", "asserts", {"assert_case": ["assert inc(1) == 2"], "inputs": [""], "outputs": [None]}),
    ("verl", "tests", {"ground_truth": json.dumps(STDIN_TESTS)}),
    (
        "exec-eval",
        "request",
        {
            "unittests": [{"input": "1 1", "output": ["2", "2.0"]}],
            "limits": {"cpu": 2, "_as": 2**31, "nproc": 1, "nofile": 4, "fsize": -1},
        },
    ),
    (
        "exec-eval",
        "row",
        {
            "src_uid": "u",
            "hidden_unit_tests": '[{"input": "1", "output": ["2"]}]',
            "time_limit": "5 seconds",
            "memory_limit": "256 megabytes",
            "input_from": "standard input",
        },
    ),
    (
        "evalplus",
        "row",
        {
            "task_id": "HumanEval/900",
            "prompt": PROMPT,
            "entry_point": "inc",
            "canonical_solution": "    return x + 1\n",
            "base_input": [[1]],
            "plus_input": [[2], [1.5]],
            "atol": 1e-6,
        },
    ),
    (
        "leetcode",
        "row",
        {
            "id": 3243,
            "setup_code": "from typing import *\n",
            "func_name": "Solution().inc",
            "gt_answer": ["assert Solution().inc(x = 1) == 2"],
            "answer": ["assert Solution().inc(x = 1) == 2"],
            "canonical_solution": "class Solution:\n    def inc(self, x): return x + 1\n",
        },
    ),
]


def sample(tests_format: str, name: str) -> Any:
    """The data of a sample, fresh so that a test may change it."""
    return json.loads(
        json.dumps(next(data for kind, key, data in SAMPLES if (kind, key) == (tests_format, name)))
    )
