"""Our own rules for printed text."""

from __future__ import annotations

import sys
import time
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codefeedback.checking import text
from codefeedback.checking.policies import policy

# policy, expected, printed, whether that is accepted
TABLE = [
    # White space at the end of lines and of the text means nothing.
    ("strict", "1 2\n3\n", "1 2\n3", True),
    ("strict", "1 2\n3", "1 2 \t\n3\n\n \n", True),
    ("strict", "1\n2\n", "1\r\n2\r\n", True),
    ("strict", "", "\n\n", True),
    ("strict", "a\f\v\n", "a", True),
    # Everything else does.
    ("strict", "1 2", "1  2", False),
    ("strict", "1", " 1", False),
    ("strict", "1", "\n1", False),
    ("strict", "1\n2", "1\n\n2", False),
    ("strict", "1\n2", "2\n1", False),
    ("strict", "1\n1", "1", False),
    ("strict", "YES", "Yes", False),
    ("strict", "1", "", False),
    ("strict", "1", "1.0", False),
    ("strict", "1 2", "1\n2", False),
    ("strict", "a", "a\u00a0", False),
    ("strict", "a\rb", "a\nb", False),
    ("strict", "\ufffd", "\udcff", False),
    ("strict", "\udcff \n", "\udcff", True),
    ("exact", "1\n", "1\n", True),
    ("exact", "1\n", "1", False),
    ("tokens", "1 2\n3", " 1\n2\t3 ", True),
    ("tokens", "1 2", "12", False),
    ("tokens", "1 2", "2 1", False),
    ("tokens", "a", "A", False),
    ("tokens", "", " \n", True),
    ("case-insensitive", "Yes \n", "YES", True),
    ("case-insensitive", "straße", "STRASSE", True),
    ("case-insensitive", "a  b", "A b", False),
    ("unordered-lines", "a\nb\nb\n", "b \na\r\nb", True),
    ("unordered-lines", "a\nb\nb", "a\nb", False),
    ("unordered-lines", "a\nb", "a\nb\nb", False),
    ("unordered-lines", "a\n\nb", "b\na", True),
    ("unordered-lines", "1 2", "2 1", False),
    ("unordered-lines", "a", " a", False),
    # floats: abs=1e-9, rel=1e-6
    ("floats", "0.333333333 x", "0.33333334\nx", True),
    ("floats", "0.3333", "0.3334", False),
    ("floats", "3", "2.9999999", True),
    ("floats", "1e3", "1000", True),
    ("floats", ".5", "5e-1", True),
    ("floats", "0.0", "-0.0000000001", True),
    ("floats", "0.0", "0.00001", False),
    ("floats", "1.0 2.0", "1.0", False),
    ("floats", "1.0", "1.0 2.0", False),
    # Two integers are equal or not, but for an explicit absolute tolerance.
    ("floats", "12345678901234567", "12345678901234568", False),
    ("floats", "1000000", "1000001", False),
    ("floats", "007", "+7", True),
    ("floats", "-0", "0", True),
    ("floats", "9" * 500, "0" + "9" * 500, True),
    ("floats", "9" * 500, "9" * 499 + "8", False),
    ("floats", "-" + "9" * 500, "9" * 500, False),
    ("floats:abs=1", "10", "11", True),
    ("floats:abs=1", "10", "12", False),
    ("floats:abs=0,rel=0", "1.50", "1.5", True),
    ("floats:abs=0,rel=0.1", "10", "11", False),
    ("floats:abs=0,rel=0.1", "10.0", "11", True),
    # Only finite decimal numbers are numbers.
    ("floats", "nan", "nan", True),
    ("floats", "nan", "NaN", False),
    ("floats", "inf", "1e999", False),
    ("floats", "1e999", "2e999", False),
    ("floats", "1_0", "10", False),
    ("floats", "0x10", "16", False),
    ("floats", "١", "1", False),
    ("floats", "1e", "1", False),
]
IDS = [f"{number}-{row[0]}" for number, row in enumerate(TABLE)]


@pytest.mark.parametrize(("name", "expected", "printed", "answer"), TABLE, ids=IDS)
def test_rules(name: str, expected: str, printed: str, answer: bool) -> None:
    assert policy(name).text(expected, printed) is answer


lines_with_blanks = st.text(st.sampled_from("ab \t\r\n\v\f\u00a0\udcff"))


@settings(deadline=None)
@given(lines_with_blanks)
def test_strict_is_reflexive(one: str) -> None:
    assert text.strict(one, one)


@settings(deadline=None)
@given(lines_with_blanks, lines_with_blanks)
def test_strict_is_symmetric(one: str, other: str) -> None:
    assert text.strict(one, other) == text.strict(other, one)


@settings(deadline=None)
@given(lines_with_blanks, lines_with_blanks, st.text(st.sampled_from(" \t\r\n\v\f")))
def test_trailing_white_space_never_changes_strict(one: str, other: str, blanks: str) -> None:
    assert text.strict(one, other + blanks) == text.strict(one, other)
    assert text.strict(one + blanks, other) == text.strict(one, other)


@settings(deadline=None)
@given(lines_with_blanks, lines_with_blanks)
def test_strict_says_what_its_definition_says(one: str, other: str) -> None:
    def lines(whole: str) -> list[str]:
        stripped = [line.rstrip(" \t\r\f\v") for line in whole.split("\n")]
        while stripped and not stripped[-1]:
            stripped.pop()
        return stripped

    assert text.strict(one, other) == (lines(one) == lines(other))


@settings(deadline=None)
@given(st.text(st.sampled_from("ab \r\n\f\u2028\x1c"), max_size=40))
def test_walks_in_pieces_give_what_the_whole_gives(whole: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_PIECE", 3)
        assert list(text.lines(whole)) == whole.split("\n")
        assert list(text.tokens(whole)) == whole.split()
        assert list(chain.from_iterable(text.split_lines(whole))) == whole.splitlines()
        assert text.tokens_equal(whole, "  ".join(whole.split()))
        assert text.strict(whole, "".join(line + " \n" for line in whole.split("\n")))


def test_tokens_end_where_str_split_ends_them() -> None:
    for point in range(sys.maxunicode + 1):
        if chr(point).isspace() != bool(text._GAP.match(chr(point))):
            pytest.fail(f"{point:#x}")


MANY = 1_000_000
LONG = [
    ("x", " " * 8 * MANY + "x"),
    ("x", "x" + " " * 8 * MANY + "y"),
    ("x", "\n" * 4 * MANY),
    ("1 2 3\n" * MANY, "1 2 3 \t \n" * MANY),
    ("1" * 4 * MANY + "x", "1" * 4 * MANY + "y"),
    ("0." + "1" * 4 * MANY, "0." + "1" * 4 * MANY + "2"),
    ("1e" + "1" * 4 * MANY, "1e" + "1" * 4 * MANY + "2"),
    ("0x" + "f" * 4 * MANY, "0X" + "f" * 4 * MANY),
    ("nan(" + "a" * 4 * MANY, "nan(" + "a" * 4 * MANY + "]"),
]


@pytest.mark.parametrize("name", ["strict", "tokens", "floats", "apps", "exec-eval", "verifiers"])
@pytest.mark.parametrize("number", range(len(LONG)))
def test_long_answers_take_linear_time(name: str, number: int) -> None:
    started = time.process_time()
    policy(name).text(*LONG[number])
    # A rule that is quadratic takes hours. A slow machine takes a few seconds at most.
    assert time.process_time() - started < 20
