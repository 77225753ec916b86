"""How far a finding reaches, under each granularity: the text of its spans."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

import codefeedback as cf

PROBLEM = {"cases": [{"stdin": "", "expected_stdout": ""}]}
needs_columns = pytest.mark.skipif(sys.version_info < (3, 11), reason="no columns before 3.11")


@pytest.fixture(scope="module", params=["expression", "line", "statement", "block"])
def grader(request: pytest.FixtureRequest) -> Iterator[tuple[str, cf.Grader]]:
    with cf.Grader(granularity=request.param) as grader:
        yield request.param, grader


#: program -> what each granularity blames
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "statement over lines": (
        "def f(x):\n    y = [\n        1,\n        1 // x,  # here\n    ]\n    return y\nf(0)\n",
        {
            "expression": "1 // x",
            "line": "        1 // x,  # here",
            "statement": "y = [\n        1,\n        1 // x,  # here\n    ]",
            "block": "def f(x):\n    y = [\n        1,\n        1 // x,  # here\n    ]\n"
            "    return y",
        },
    ),
    "header of a loop": (
        "x = 5\nwhile x.y:  # why\n    print(x)\n",
        {
            "expression": "x.y",
            "line": "while x.y:  # why",
            "statement": "while x.y:",
            "block": "while x.y:  # why\n    print(x)",
        },
    ),
    "top level": (
        "a = 1\nb = a / 0  # oh\n",
        {
            "expression": "a / 0",
            "line": "b = a / 0  # oh",
            "statement": "b = a / 0",
            "block": "b = a / 0",
        },
    ),
    "else is a block of its own": (
        "if 0:\n    pass\nelse:\n    a = 1\n    [][1]\n",
        {
            "expression": "[][1]",
            "line": "    [][1]",
            "statement": "[][1]",
            "block": "else:\n    a = 1\n    [][1]",
        },
    ),
    "semicolons": (
        "a = 1; {}['é']; b = 2\n",
        {
            "expression": "{}['é']",
            "line": "a = 1; {}['é']; b = 2",
            "statement": "{}['é']",
            "block": "{}['é']",
        },
    ),
    "wide characters": (
        "s = '日本🎉'; t = s + 1\n",
        {
            "expression": "s + 1",
            "line": "s = '日本🎉'; t = s + 1",
            "statement": "t = s + 1",
            "block": "t = s + 1",
        },
    ),
    "byte order mark": (
        "\ufeffx = 1 / 0; y = 2\n",
        {
            "expression": "1 / 0",
            "line": "\ufeffx = 1 / 0; y = 2",
            "statement": "x = 1 / 0",
            "block": "x = 1 / 0",
        },
    ),
    "CRLF and tabs": (
        "def f():\r\n\tx = (1 +\r\n\t\tNone)\r\nf()\r\n",
        {
            "expression": "1 +\r\n\t\tNone",
            "line": "\tx = (1 +",
            "statement": "x = (1 +\r\n\t\tNone)",
            "block": "def f():\r\n\tx = (1 +\r\n\t\tNone)",
        },
    ),
    "form feed": (
        "\x0cx = 1\n\x0c\ny = x.z\n",
        {"expression": "x.z", "line": "y = x.z", "statement": "y = x.z", "block": "y = x.z"},
    ),
    "a compiler error after parsing": (
        "def f():\n    x = 1\n    for i in (1,\n              2):\n        nonlocal x\n",
        {
            "expression": "nonlocal x",
            "line": "        nonlocal x",
            "statement": "nonlocal x",
            "block": "for i in (1,\n              2):\n        nonlocal x",
        },
    ),
    "a text that does not parse": (
        "def f(:\n    pass\n",
        {"expression": ":", "line": "def f(:", "statement": "def f(:", "block": "def f(:"},
    ),
    "a bracket that is never closed": (
        "x = 1\ny = foo(x,\n\nz = 3\n",
        {
            "expression": "(x,",
            "line": "y = foo(x,",
            "statement": "y = foo(x,",
            "block": "y = foo(x,",
        },
    ),
    "a syntax error behind wide characters": (
        "s = '日本'; f(a b)\n",
        {
            "expression": "a b",
            "line": "s = '日本'; f(a b)",
            "statement": "s = '日本'; f(a b)",
            "block": "s = '日本'; f(a b)",
        },
    ),
}


@needs_columns
@pytest.mark.parametrize("name", CASES)
def test_extents(grader: tuple[str, cf.Grader], name: str) -> None:
    granularity, it = grader
    program, expected = CASES[name]
    report = it.grade(program, PROBLEM)
    assert report.granularity == granularity
    (finding,) = report.findings
    (span,) = finding.spans
    assert program[span.start : span.end] == expected[granularity]
    assert span == cf.Source(program).span(span.start, span.end)


@needs_columns
def test_an_expression_ends_with_its_statement() -> None:
    """Up to 3.11 CPython says that all of a loop is what cannot be iterated over."""
    program = "for i in 5:\n    print(i)\n"
    (finding,) = cf.grade(program, PROBLEM, granularity="expression").findings
    (span,) = finding.spans
    assert program[span.start : span.end] in ("5", "for i in 5:")


CHAIN = "def g(x):\n    return 1 // x\ndef f(x):\n    return g(\n        x)\nprint(f(1), f(0))\n"


@needs_columns
def test_call_chains_are_secondary(grader: tuple[str, cf.Grader]) -> None:
    granularity, it = grader
    (finding,) = it.grade(CHAIN, PROBLEM).findings
    texts = [CHAIN[span.start : span.end] for span in finding.secondary]
    assert (
        texts
        == {
            "expression": ["f(0)", "g(\n        x)"],
            "line": ["print(f(1), f(0))", "    return g("],
            "statement": ["print(f(1), f(0))", "return g(\n        x)"],
            "block": ["print(f(1), f(0))", "def f(x):\n    return g(\n        x)"],
        }[granularity]
    )


def test_a_recursion_names_each_line_once() -> None:
    program = "def f(n):\n    if n == 0:\n        return [][0]\n    return f(n - 1)\nf(30)\n"
    (finding,) = cf.grade(program, PROBLEM).findings
    assert [span.start_line for span in finding.spans] == [3]
    assert [span.start_line for span in finding.secondary] == [5, 4]


def test_unknown_granularity() -> None:
    with pytest.raises(cf.UsageError, match="granularity: expected expression, line"):
        cf.Grader(granularity="word")


def test_a_bracket_that_is_open_in_the_middle_keeps_its_line() -> None:
    """More text could not mend it: the statements behind it do not fit into it."""
    program = "x = foo(1, 2\ny = 3\nz = 1\ndef g(n):\n    return n\n"
    (finding,) = cf.grade(program, PROBLEM, truncated=True).findings
    assert (finding.scope, finding.spans[0].start_line) == (cf.Scope.LINE, 1)


CUT = {
    "in a call": "def f(x):\n    return g(x, ",
    "in a string": "x = 1\nprint('hel",
    "behind a colon": "for i in range(3):",
    "behind a colon and a comment": "for i in range(3):\n    # then\n",
    "in a bracket far away": "x = [\n    1,\n    2,\n    # three\n",
    "in a word in a bracket": "x = [\n    1 if y els",
    "in a docstring": 'def f():\n    """Returns\n    nothing',
    "in an expression": "x = 1 +",
    "in a keyword": "x = 1\nif x:\n    y = 2\nels",
}


@pytest.mark.parametrize("name", CUT)
def test_truncated_texts_blame_the_whole_program(name: str) -> None:
    program = CUT[name]
    whole = cf.grade(program, PROBLEM, truncated=True)
    assert whole.truncated
    if whole.verdict is cf.Verdict.RE:
        assert name == "in a keyword"  # a name that is not defined: no compiler error
        return
    (finding,) = whole.findings
    assert (finding.scope, finding.rule, finding.score) == (cf.Scope.GLOBAL, "truncated", -0.3)
    assert [(span.start, span.end) for span in finding.spans] == [(0, len(program))]
    (finding,) = cf.grade(program, PROBLEM).findings
    assert finding.rule != "truncated" and finding.scope is not cf.Scope.GLOBAL


def test_an_error_before_the_end_of_a_truncated_text_keeps_its_line() -> None:
    (finding,) = cf.grade("x = = 1\ny = (2,\n     3)\n", PROBLEM, truncated=True).findings
    assert (finding.scope, finding.spans[0].start_line) == (cf.Scope.LINE, 1)
    (finding,) = cf.grade("1 / 0", PROBLEM, truncated=True).findings
    assert finding.scope is cf.Scope.LINE
