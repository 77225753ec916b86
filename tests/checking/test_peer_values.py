"""Other graders' rules for returned values: what each of them takes, bugs included."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from codefeedback.checking.policies import policy
from codefeedback.guest.values import Opaque

NAN, INF = math.nan, math.inf

# policy, expected, returned, whether that is accepted
TABLE: list[tuple[str, Any, Any, bool]] = [
    ("apps", [2, 3], [2, 3], True),
    ("apps", [2, 3], 2, True),  # the first item alone
    ("apps", [2, 3], 3, False),
    ("apps", [2, 3], (2, 3), True),
    ("apps", [[2, 3]], (2, 3), True),
    ("apps", [[1, 2]], [(1, 2)], False),
    ("apps", [[[1, 2]]], [(1, 2)], True),
    ("apps", (2, 3), (2, 3), False),
    ("apps", 0.3, 0.1 + 0.2, False),
    ("apps", 1, True, True),
    ("apps", [], [], True),
    ("apps", "ab", "a", False),
    ("apps", {"1": "a"}, {1: "a"}, True),  # keys that JSON made texts of
    ("apps", {"1": "a"}, {"1": "a"}, False),
    ("apps", {"a": 1}, {"a": 1}, True),
    ("apps", [{"1": "a"}, {"2": "b"}], [{1: "a"}], True),  # the second is forgotten
    ("apps", NAN, NAN + 0, False),
    ("apps", [1], [Opaque("T")], False),
    ("verl", [2, 3], 2, True),
    ("verl", [[[1, 2]]], [(1, 2)], True),
    ("verl", [1], {1}, False),
    ("verl", {1}, {1}, False),  # no JSON, no answer
    ("verl", b"a", b"a", False),
    ("rltf", [2, 3], 2, True),
    ("rltf", [2, 3], (2, 3), False),
    ("rltf", [[2, 3]], (2, 3), True),
    ("rltf", [5], 5, True),
    ("rltf", 5, "5", True),  # what is printed is read again
    ("rltf", 5, "5.0", True),
    ("rltf", "5", 5, True),
    ("rltf", [1, 2], "[1,  2]", True),
    ("rltf", "a", "'a'", True),
    ("rltf", "a", " a\n", True),
    ("rltf", 2, "1+1", False),  # there it is evaluated
    ("rltf", 2, "[" * 9000, False),
    ("rltf", 0.3, 0.1 + 0.2, False),
    ("rltf", [INF], (INF,), False),  # and inf is a name that is not known
    ("rltf", [INF], [INF], True),
    ("rltf", {"1": "a"}, {1: "a"}, True),
    ("rltf", "<T object>", Opaque("T"), False),
    ("rltf", "2020-01-01", date(2020, 1, 1), True),
    ("rltf", 10**5000, 10**5000, False),
    ("verl-sandbox", [1, 2], (1, 2), True),
    ("verl-sandbox", [[1, 2]], [(1, 2)], True),
    ("verl-sandbox", {"a": None}, {"a": None}, True),
    ("verl-sandbox", {"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
    ("verl-sandbox", {"1": 2}, {1: 2}, True),
    ("verl-sandbox", 2, 2.0, False),
    ("verl-sandbox", True, True, True),
    ("verl-sandbox", 1, True, False),
    ("verl-sandbox", 5, "5", True),
    ("verl-sandbox", "a", "a", False),  # the tests file has quotes, the output has none
    ("verl-sandbox", {1}, {1}, False),
    ("verl-sandbox", 5, 10**5000, False),
    ("livecodebench", [1, 2], (1, 2), True),
    ("livecodebench", [[1, 2]], [(1, 2)], False),
    ("livecodebench", 0.3, 0.1 + 0.2, False),
    ("livecodebench", 2, 2.0, True),
    ("livecodebench", [2, 3], 2, False),
    ("verifiers", [[1, 2]], [(1, 2)], True),
    ("verifiers", [2, 3], 2, True),
    ("verifiers", [], [], True),
    ("verifiers", [], 0, False),
    ("verifiers", {"1": 2}, {1: 2}, True),
    ("verifiers", 0.3, 0.1 + 0.2, False),
    ("verifiers", [1], {1}, False),
    ("evalplus", 2, 2.0, True),
    ("evalplus", [1, 2], (1, 2), False),
    ("evalplus", 0.3, 0.1 + 0.2, True),
    ("evalplus", 1.0, 1.000001, True),
    ("evalplus", 1.0, 1.00001, False),
    ("evalplus", [0.5, 1.0], [0.5, 1.0000001], True),
    ("evalplus", [0.5, 1.0], (0.5, 1.0000001), False),
    ("evalplus", (0.5,), (0.5000001,), True),
    ("evalplus", 1.0, 1, True),
    ("evalplus", 1.5, "1.5", False),
    ("evalplus", [0.5, 1], [0.5, 1.0000001], False),  # not all floats
    ("evalplus", [[0.5]], [[0.5000001]], False),
    ("evalplus", [0.5], [0.5, 0.5], False),
    ("evalplus", [0.5], [], False),
    ("evalplus", NAN, NAN + 0, False),
    ("evalplus", INF, INF, True),
    ("evalplus", 30000000, 30000001, False),
    ("evalplus:atol=1e-6", 30000000, 30000001, True),  # after a task's float, there
    ("evalplus:atol=1e-6", 300, 301, False),
    ("evalplus:atol=1e-6", [[0.5]], [[0.5000001]], True),
    ("evalplus:atol=1e-6", [[0.5], [0.5]], [0.5, 0.5000001], True),  # numpy broadcasts
    ("evalplus:atol=1e-6", [[0.5, 1.0], [0.5, 1.0]], [[0.5], [1.0]], False),
    ("evalplus:atol=1e-6", [[0.5], [1.0]], [[0.5, 0.5], [1.0, 1.0]], True),
    ("evalplus:atol=1e-6", [[0.5], [1.0]], [[0.5, 0.5], [1.0]], False),
    ("evalplus:atol=1e-6", [[0.5, 1.0]], [[0.5, 1.0, 2.0]], False),
    ("evalplus:atol=1e-6", [[1.0]], [[]], True),
    ("evalplus:atol=1e-6", 1 + 1j, 1 + 1.0000001j, True),
    ("evalplus:atol=1e-6", 2**70, 2**70 + 1, False),
    ("evalplus:atol=1e-6", "a", "b", False),
    ("evalplus:atol=1e-6", {"a": 1.0}, {"a": 1.0000001}, False),
    ("evalplus:atol=1e-6", {1.0}, {1.0000001}, False),
    ("evalplus:atol=1e-6", [1.0] * 9999, [[1.0]] * 9999, False),  # a hundred million pairs
    # These compare no returned values.
    ("open-r1", 0.3, 0.1 + 0.2, True),
    ("sandboxfusion", ["Yes"], ["YES"], False),
    ("code-contests", [1], (1,), True),
    ("exec-eval", 1, 1.0000000000001, False),
]
IDS = [f"{number}-{row[0]}" for number, row in enumerate(TABLE)]


@pytest.mark.parametrize(("name", "expected", "returned", "answer"), TABLE, ids=IDS)
def test_rules(name: str, expected: Any, returned: Any, answer: bool) -> None:
    assert policy(name).value(expected, returned) is answer
