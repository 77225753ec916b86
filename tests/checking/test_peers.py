"""Other graders' rules for printed text: what each of them takes, bugs included."""

from __future__ import annotations

import pytest

from codefeedback.checking.policies import policy

ANY_FLOATS = "50000000000000000", "50000000000000001"

# policy, expected, printed, whether that is accepted
TABLE = [
    # The wrong answers that APPS takes (hendrycks/apps#27 and more).
    ("apps", "YES\nNO\nYES", "NO\nYES\nYES", True),
    ("apps", "Christmas Eve Eve Eve", "Christmas Eve", True),
    ("apps", "1 2 3", "3 2 1", True),
    ("apps", "1\n1\n1\n1", "1", True),
    ("apps", *ANY_FLOATS, True),
    ("apps", "100000", "100001", True),
    ("apps", "100000", "100002", False),
    ("apps", "0.33333", "0.3334", True),
    ("apps", "0.33333 1", "0.3334 1", True),
    ("apps", "0.33333", "0.333", True),
    ("apps", "0.33349", "0.3336", False),
    ("apps", "1 2\n3", "2 1\n3.0001", True),
    ("apps", "1 2", "1 2 nan", False),
    ("apps", "nan", "nan", True),
    ("apps", "nan 1", "1 nan", True),
    ("apps", "nan 1", "1 NaN", False),
    ("apps", "inf", "Infinity", True),
    ("apps", "-0.0001 1", "0 1", True),
    ("apps", "a b", "a  b", True),
    ("apps", "a\nb", "\n a \n\n b\r\n", True),
    ("apps", "a\nb", "a b", False),
    ("apps", "a", "A", False),
    ("apps", "a", "", False),
    ("apps", "", "\n", True),
    # Its lines end at eleven characters; those of the expected answer at one.
    ("apps", "a\fb", "a\fb", False),
    ("apps", "a\r\nb", "a\r\nb", True),
    # A line of spaces is expected as an empty line, which sets of words never have.
    ("apps", "2 1\n \n3", "1 2\n\n3", False),
    ("apps", "2 1\n\n3", "1 2\n\n3", True),
    ("rltf", "1 2 3", "3 2 1", True),
    ("rltf", "a\fb", "a\fb", True),
    ("rltf", "", "", True),
    ("rltf", "", "\n", True),
    ("rltf", "a", "a\n\udcff", False),
    ("verl", "YES\nNO\nYES", "NO\nYES\nYES", False),
    ("verl", "1 2 3", "3 2 1", False),
    ("verl", *ANY_FLOATS, False),
    ("verl", "100000", "100001", False),
    # A sign is no digit: negative numbers may be off, and with them all others.
    ("verl", "-100000", "-100001", True),
    ("verl", "100000\n-1", "100001\n-1", True),
    ("verl", "0.33333", "0.333333", True),
    ("verl", "0.5 1", "0.50 1", False),
    ("verl", "a\nb", "\na\n\nb", True),
    ("verl", "a\nb", "a \nb", True),
    ("verl", "a\nb", "\na \n\nb", False),  # one or the other
    ("verl", "1", "1\n2", False),
    ("verl-sandbox", "1\n2\n", "1\n2", True),
    ("verl-sandbox", "1\n2", "1\n2\n\n", True),
    ("verl-sandbox", "1", "1 ", False),
    ("verl-sandbox", "1", "1\r\n", False),
    ("verl-sandbox", "0.5", "0.50", False),
    # LiveCodeBench compares decimals exactly.
    ("livecodebench", "3.14159", "3.141590", True),
    ("livecodebench", "0.3", "0.30000000000000004", False),
    ("livecodebench", *ANY_FLOATS, False),
    ("livecodebench", "1 2\n3", " 1  2.0\n3", True),
    ("livecodebench", "1e2", "100", True),
    ("livecodebench", "a b", "a  b", False),
    ("livecodebench", "1\n2", "1\n\n2", False),
    ("livecodebench", "1\n2", "\n1\n2\n\n", True),
    ("livecodebench", "1 2", "1", False),
    ("livecodebench", "Yes", "YES", False),
    ("livecodebench", "nan", "nan", True),
    ("livecodebench", "nan 1", "nan 1.0", False),
    ("livecodebench", "nan", "sNaN", False),
    ("livecodebench", "", "", True),
    ("livecodebench", "", "1", False),
    # open-r1 reads as many lines as the shorter answer has.
    ("open-r1", "1\n2\n3", "1", True),
    ("open-r1", "1\n2\n3", "1\n2\n3\n4\n5", True),
    ("open-r1", "\n1", "", True),
    ("open-r1", "\n1", "1", False),
    ("open-r1", "1", "", False),
    ("open-r1", "1 2 \n3", " 1 2\r\n3", True),
    ("open-r1", "1", "1\r2", True),
    ("open-r1", "1\n2", "1\n3", False),
    ("open-r1", "0.5", "0.50", False),
    ("open-r1", "1", "1\n\udcff", False),
    ("sandboxfusion", "Yes\nNo", "YES \n no", True),
    ("sandboxfusion", "3.14159", "3.14160", True),
    ("sandboxfusion", "3.14159", "3.1417", False),
    ("sandboxfusion", "3.14159 1", "3.14160 1", False),
    ("sandboxfusion", *ANY_FLOATS, True),
    ("sandboxfusion", "100000", "100001", False),
    ("sandboxfusion", "1000000", "1000001", True),
    ("sandboxfusion", "0", "0.00000000000000001", True),
    ("sandboxfusion", "0", "0.000001", False),
    ("sandboxfusion", "1 2", "1  2", False),
    ("sandboxfusion", "1\n2", "1\n\n2", False),
    ("sandboxfusion", "inf", "infinity", False),
    ("code-contests", "YES 1\n2", "yes\n1.000001 2", True),
    ("code-contests", "1", "1.00002", False),
    ("code-contests", "1 2", "2 1", False),
    ("code-contests", "1 2", "1", False),
    ("code-contests", *ANY_FLOATS, True),
    ("code-contests", "100000", "100001", False),
    ("code-contests", "É", "é", False),
    ("code-contests", "1_0", "10", False),
    ("code-contests", "+5", "5", True),
    ("code-contests", "+-5", "-5", False),
    ("code-contests", "a\fb", "a b", False),
    # Infinity equals itself only in an answer that is equal as a whole.
    ("code-contests", "inf 1", "INF 1", True),
    ("code-contests", "inf 1", "inf 1.0", False),
    ("code-contests", "nan(1) 1", "nan(1) 1.0", False),
    ("code-contests", "1e999 1", "1e999 1.0", False),
    ("code-contests", "9" * 400 + " 1", "9" * 400 + " 1.0", False),
    ("exec-eval", "a  b\n1", " a  b \n1\n", True),
    ("exec-eval", "a  b", "a b", True),
    ("exec-eval", "1\n2", "1 2.0", True),
    ("exec-eval", "1", "1.0000000000009", True),
    ("exec-eval", "0", "0.000000000001", True),
    ("exec-eval", "1", "1.000000000002", False),
    ("exec-eval", *ANY_FLOATS, False),
    ("exec-eval", "YES", "yes", True),
    ("exec-eval", "True 1", "tRUE 1.0", True),
    ("exec-eval", "Maybe", "maybe", False),
    ("exec-eval", "1 2", "1", False),
    ("exec-eval", "a", "a\udcff", True),
    # Nothing is further than 1e-12 from NaN.
    ("exec-eval", "42", "nan", True),
    ("exec-eval", "1 2 3", "nan nan nan", True),
    ("exec-eval", "42", "inf", False),
    ("exec-eval", "inf", "Infinity", True),
    ("exec-eval", "inf", "-inf", False),
    ("exec-eval", "31", "0x1F", True),
    ("exec-eval", "0b11", "3", True),
    ("exec-eval", "-31", "-0x1f", True),
    ("exec-eval", "100000", "1_00@3", True),
    ("exec-eval", "0", "_", True),
    ("exec-eval", "1", "²", False),
    ("exec-eval", "9" * 45, "9" * 44 + "8", True),
    ("exec-eval", "1e" + "9" * 30, "inf", True),
    ("verifiers", "1 2\n3", "1\n2 3", True),
    ("verifiers", "1", "1.001", True),
    ("verifiers", "1", "1.0011", False),
    ("verifiers", "10000000000000000000", "10000000000000000000.0005", True),
    ("verifiers", "1000", "1001", False),
    ("verifiers", *ANY_FLOATS, False),
    ("verifiers", "a 1", "a 1.0", False),
    ("verifiers", "a  1", "a 1", True),
    ("verifiers", "Yes", "YES", False),
    ("verifiers", "nan", "nan", True),
    ("verifiers", "nan 1", "nan 1.0", False),
    ("verifiers", "inf 1", "inf 1.0", False),
    ("verifiers", "1", "1e9999999", False),
    ("verifiers", "1", "", False),
    ("verifiers", "1 2", "1", False),
    # evalplus compares no printed text.
    ("evalplus", "1 2", "1 2 \n", True),
    ("evalplus", "0.5", "0.50", False),
]
IDS = [f"{number}-{row[0]}" for number, row in enumerate(TABLE)]


@pytest.mark.parametrize(("name", "expected", "printed", "answer"), TABLE, ids=IDS)
def test_rules(name: str, expected: str, printed: str, answer: bool) -> None:
    assert policy(name).text(expected, printed) is answer


WRONG = [row for row in TABLE if row[0] == "apps" and row[3]][:6]


@pytest.mark.parametrize(("name", "expected", "printed", "answer"), WRONG)
def test_strict_takes_none_of_the_wrong_answers(
    name: str, expected: str, printed: str, answer: bool
) -> None:
    assert policy(name).text(expected, printed) is answer
    assert not policy("strict").text(expected, printed)
    assert not policy("floats").text(expected, printed)
