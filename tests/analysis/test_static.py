"""What pyflakes and libcst say, as findings: kinds, places, weights; and what kills a parser."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import pytest
from pyflakes import messages

import codefeedback as cf
from codefeedback.analysis.inspecting import Inspector
from codefeedback.analysis.taxonomy import CHECKS, FLAKES, rule_for_message
from codefeedback.extraction import Completion
from codefeedback.grading import inspection_sandbox

PASSES = {"cases": [{"stdin": "", "expected_stdout": ""}]}
FAILS = {"cases": [{"stdin": "", "expected_stdout": "x"}]}

#: kind -> a program, and the text that the expression blames
SAMPLES = {
    "UndefinedName": ("if 0:\n    y = é + x\n", "é"),
    "UndefinedLocal": ("x = 1\ndef f():\n    print(x)\n    x = 2\n", "x"),
    "UnusedVariable": ("def f():\n    日本 = 1\n", "日本"),
    "UnusedImport": ("a = '日本'; import os\n", "import os"),
    "RedefinedWhileUnused": ("def f():\n    pass\ndef f():\n    return 1\n", "def f():"),
    "IsLiteral": ("x = 1\nif x is 'a': pass\n", "x is 'a'"),
    "FStringMissingPlaceholders": ("x = f'a'\n", "f'a'"),
    "PercentFormatMissingArgument": ("'%(a)s' % {'b': 1}\n", "'%(a)s' % {'b': 1}"),
    "StubBody": ("def f(x):\n    '''Doc.'''\n    pass  # TODO\n", "pass"),
    "StubMethod": (
        "class A:\n    def f(self):\n        raise NotImplementedError\n",
        "raise NotImplementedError",
    ),
    "LoopNeverEnds": ("x = 0\nwhile True:  # why\n    x += 1\n", "while True:"),
    "MissingReturn": (
        "def f(x):\n    for y in x:  # all\n        if y:\n            return y\n",
        "for y in x:",
    ),
    "UnreachableCode": ("def f():\n    return 1\n    a = 2\n    b = 3\n", "a = 2\n    b = 3"),
    "UselessExpression": ("x = 1\nx == 2\n", "x == 2"),
    "ResizedWhileIterated": ("x = [1]\nfor y in x:\n    x.remove(y)\n", "x.remove(y)"),
    "SwallowedException": ("try:\n    x = 1\nexcept:  # all\n    pass\n", "except:"),
    "MutableDefault": ("def f(a, b=[]):\n    return b\n", "[]"),
    "SelfComparison": ("x = 1\nif x.a[0] == x.a[0]:\n    x = 2\n", "x.a[0] == x.a[0]"),
    "SelfAssignment": ("x = 1\nx = x\n", "x = x"),
    "SameBranches": ("x = 1\nif x > 1:\n    x = 2\nelse:\n    x = 2\n", "if x > 1:"),
}

#: programs that a check must not take for one of the above
HARMLESS = {
    "LoopNeverEnds": [
        "while True:\n    if input():\n        break\n",
        "def f():\n    while 1:\n        yield 1\n",
        "while True:\n    line = input()\n",
        "def g():\n    raise ValueError\nwhile True:\n    g()\n",
        "while 0:\n    pass\n",
        "i = 0\ntry:\n    while 1:\n        i = [1][i] + i\nexcept IndexError:\n    i = 0\n",
        "x = 9\nwhile True:\n    x -= 1\n    assert x\n",
        "import sys\nwhile True:\n    sys.exit()\n",
        "q = [1]\nwhile True:\n    q.pop()\n",
    ],
    "MissingReturn": [
        "def f(x):\n    if x:\n        return 1\n    else:\n        raise ValueError\n",
        "def f(x):\n    while True:\n        if x:\n            return 1\n",
        "def f(x):\n    if x:\n        return\n    print(x)\n",
        "def f(x):\n    try:\n        return 1\n    finally:\n        print(x)\n",
        "def f(x):\n    def g():\n        return 1\n    print(g(), x)\n",
        "def f(x):\n    if x:\n        yield 1\n        return 2\n",
        "def f(x):\n    for y in x:\n        if y: return y\n    else:\n        return 0\n",
        "def f(x):\n    match x:\n        case _:\n            return 1\n",
    ],
    "StubBody": [
        "from abc import abstractmethod\nclass A:\n    @abstractmethod\n    def f(self): ...\n",
        "def f():\n    return None\n",
        "import abc\nclass A:\n    @abc.abstractmethod\n    def f(self): ...\n",
        "class A:\n    def __init__(self):\n        pass\n",
        "try:\n    import numpy\nexcept ImportError:\n    def log(x): pass\n",
    ],
    "StubMethod": ["class A:\n    def f(self):\n        return 1\n"],
    "UselessExpression": [
        "x = 1\nx > 3 and print(0)\n",
        "try:\n    unicode\nexcept NameError:\n    unicode = str\n",
        *("'doc'\n", "print()\n", "def f():\n    ...\n", "[print(1)]\n"),
    ],
    "ResizedWhileIterated": [
        "x = [1]\nfor y in x:\n    x.remove(y)\n    break\n",
        "x = [1]\nfor y in list(x):\n    x.remove(y)\n",
        "x, z = [1], []\nfor y in x:\n    z.append(y)\n",
        "q = [1]\nfor u in q:\n    if u < 5:\n        q.append(u + 1)\n",
        "x = [1]\nfor y in x:\n    x = x[:]\n    x.remove(y)\n",
    ],
    "SelfComparison": [
        "x = 1.0\nif x != x:\n    x = 2\n",
        "if f() == f():\n    pass\n",
        "a, it = [1], iter([0, 0])\nif a[next(it)] == a[next(it)]:\n    a = 2\n",
    ],
    "SelfAssignment": ["class A:\n    x = int\n    int = int\n", "a = 1\na = b = a\n"],
    "SwallowedException": ["try:\n    x = 1\nexcept ValueError:\n    pass\n"],
    "UnreachableCode": [
        "def f(x):\n    if x:\n        return 1\n    return 2\n",
        "def f():\n    return\n    yield\n",
        "def f(x):\n    x.quit()\n    return x\n",
    ],
    "UndefinedName": ["globals()['a'] = 0\nprint(a)\n"],
    "SameBranches": ["x = 1\nif x:\n    x = 2\nelif x > 3:\n    x = 2\nelse:\n    x = 3\n"],
    "MutableDefault": ["def f(a, b=(), c=None):\n    return b\n"],
}


@pytest.fixture(scope="module")
def grader() -> Iterator[cf.Grader]:
    limits = {"cpu_seconds": 0.2}
    with cf.Grader(limits=limits, analysis="always", granularity="expression") as grader:
        yield grader


def analysed(grader: cf.Grader, program: str) -> list[cf.Finding]:
    findings = grader.grade(program, PASSES).findings
    return [finding for finding in findings if finding.origin.is_extra]


@pytest.mark.parametrize("kind", SAMPLES)
def test_kinds_and_places(grader: cf.Grader, kind: str) -> None:
    program, text = SAMPLES[kind]
    finding = next(each for each in analysed(grader, program) if each.kind == kind)
    assert [program[span.start : span.end] for span in finding.spans] == [text]
    rule = rule_for_message(kind, finding.origin)
    assert (finding.scope, finding.weight, finding.rule) == (rule.scope, rule.weight, rule.name)
    assert finding.score == pytest.approx(-0.3 * rule.weight)
    assert finding.origin == ("flakes" if rule in FLAKES else "cst")
    assert finding.cases == ()


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_a_check_leaves_alone(grader: cf.Grader, kind: str) -> None:
    for program in HARMLESS[kind]:
        kinds = [finding.kind for finding in analysed(grader, program)]
        assert kind not in kinds, program


def test_every_check_is_tested() -> None:
    kinds = {rule.kind for rule in CHECKS} - {"NotInspected"}
    assert kinds <= SAMPLES.keys() and kinds <= HARMLESS.keys()


def test_every_class_of_pyflakes_has_a_rule() -> None:
    classes = [each for each in vars(messages).values() if isinstance(each, type)]
    names = {each.__name__ for each in classes} - {"Message"}
    known = {rule.kind for rule in FLAKES}
    assert names <= known
    assert rule_for_message("SomethingNew", cf.Origin.FLAKES).weight < 0.5
    with pytest.raises(LookupError):
        rule_for_message("SomethingNew", cf.Origin.CST)
    assert not known & vars(builtins).keys()


@pytest.mark.parametrize(
    "program", ["import os\n", "def f():\n    x = y\n", "x == 1 if 0 else 2\n"]
)
def test_verdicts_and_scores_stay_the_same(program: str) -> None:
    for problem in (PASSES, FAILS):
        plain = cf.grade(program, problem)
        analysed = cf.grade(program, problem, analysis="always")
        assert (plain.verdict, plain.score) == (analysed.verdict, analysed.score)
        extra = [each for each in analysed.findings if each.origin.is_extra]
        assert extra and [each for each in analysed.findings if each not in extra] == list(
            plain.findings
        )


def test_only_failing_programs_are_analysed_unless_asked() -> None:
    with cf.Grader(analysis="failing") as grader:
        assert grader.grade("import os\n", PASSES).findings == ()
        assert grader._settings.inspector._sandbox is None  # not even a guest was started
        kinds = [finding.kind for finding in grader.grade("import os\n", FAILS).findings]
        assert kinds == ["UnusedImport"]
    assert cf.grade("import os\n", FAILS).findings == ()
    with pytest.raises(cf.UsageError, match="analysis: expected never, failing, always, got 'no'"):
        cf.Grader(analysis="no")


def test_names_that_the_problem_defines_are_defined() -> None:
    cases = [{"entry_point": "f", "args": [4], "expected": 1}]
    program = "def f(x):\n    return len(Counter([gcd(2, x)]))\n"
    prelude = "from math import *\nfrom collections import Counter\n"
    for code in (prelude, "from math import gcd\nfrom collections import Counter\n"):
        report = cf.grade(program, {"prelude": code, "cases": cases}, analysis="always")
        assert (report.verdict, report.findings) == (cf.Verdict.AC, ())


HARD = {
    "nested comprehensions": "[" * 60 + "x" + " for x in y]" * 60,
    "nested parentheses": "(" * 5000 + "1" + ")" * 5000,
    "a long sum": "x = " + "1 + " * 5000 + "1",
    "unary operators": "x = " + "-" * 200000 + "1",
    "nested functions": "".join(f"{' ' * n}def f():\n" for n in range(90)) + " " * 90 + "pass\n",
    "nested lists": "[" * 150 + "]" * 150,
    "many lines": "x = 1\n" * 2000,
    "one long line": "x = [" + "1, " * 10000 + "]\n",
    "null characters": "x = 1\0\n",
    "lone surrogates": "x = '\ud800'\n",
    "not text": "\x00\x01\x02" * 100,
    "attributes": "x" + ".a" * 10000,
    "an f-string of f-strings": "f'{" * 50 + "1" + "}'" * 50,
}


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    inspector = Inspector(lambda: inspection_sandbox("auto"))
    yield inspector
    inspector.close()


@pytest.mark.parametrize("name", HARD)
def test_texts_that_parsers_do_not_survive(inspector: Inspector, name: str) -> None:
    """Whatever a text does to the parsers, there is an answer, and the next text gets its own."""
    source = cf.Source(HARD[name])
    inspection = inspector.inspect(source)
    assert inspection.failure or inspection.syntax or inspection.statements
    for statement in inspection.statements:
        assert 0 <= statement.own.start <= statement.own.end <= statement.whole.end
        assert statement.whole.end <= len(source.text)
    following = inspector.inspect(cf.Source(f"x = {name!r}\n"))
    assert len(following.statements) == 1 and following.executable == frozenset({1})


def test_a_text_that_cannot_be_looked_at_is_said_and_blames_nothing() -> None:
    program = HARD["unary operators"]
    findings = cf.analyse(program)
    (finding,) = findings
    assert (finding.kind, finding.scope, finding.score) == ("NotInspected", cf.Scope.IGNORE, 0.0)
    assert "to be looked at" in finding.message or "looking at the text" in finding.message


def test_analyse_without_a_run() -> None:
    assert [each.kind for each in cf.analyse("import os\nx = y\n")] == [
        "UnusedImport",
        "UndefinedName",
    ]
    (finding,) = cf.analyse("x = 1\nprint(f(x)\n")
    assert (finding.kind, finding.origin, finding.spans[0].start_line) == (
        "SyntaxError",
        "syntax",
        2,
    )
    for cut in (
        "x = 1\nprint(f(x",
        "d = {'a': 1,\n 'b'",
        "x = [\n  1 if y els",
        "x = a if b \\\n  e",
    ):
        (finding,) = cf.analyse(cut, truncated=True)
        assert finding.scope is cf.Scope.GLOBAL
        (again,) = cf.grade(cut, PASSES, truncated=True).findings
        assert (
            (again.scope, again.rule) == (finding.scope, finding.rule) == ("U_global", "truncated")
        )
    assert cf.analyse("print(1)\n") == ()
    assert [each.kind for each in cf.analyse("x = 1\0")] == [cf.analyse("x = 1\0")[0].kind]


def test_analysis_of_a_completion_lands_on_it() -> None:
    text = "Thus:\n```python\nimport os\nprint(1)\n```\n"
    report = cf.grade(Completion(text=text), FAILS, analysis="failing")
    (finding,) = [each for each in report.findings if each.kind == "UnusedImport"]
    ((start, end),) = report.completion_spans(finding.spans)
    assert text[start:end] == "import os"


@pytest.mark.parametrize("sandbox", ["local", "portable"])
def test_every_sandbox_inspects(sandbox: str) -> None:
    try:
        findings = cf.analyse("import os\n", sandbox=sandbox)
    except cf.SandboxUnavailableError as error:
        pytest.skip(str(error))
    assert [each.kind for each in findings] == ["UnusedImport"]
