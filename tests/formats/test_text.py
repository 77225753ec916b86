"""The text report, as people read it."""

from __future__ import annotations

import io
from textwrap import dedent

from rich.cells import cell_len
from rich.console import Console

from codefeedback.findings import Origin, Scope
from codefeedback.formats.text import render_text
from codefeedback.problems import Skipped
from codefeedback.results import PolicyView, SandboxInfo
from codefeedback.spans import Source
from codefeedback.verdicts import Verdict

from .reports import blame, case, finding, report


def check(shown: str, expected: str) -> None:
    assert shown.splitlines() == dedent(expected).strip("\n").splitlines()


def test_all_accepted() -> None:
    shown = render_text(report([case("small"), case("large")]), Source("print(1)\n"))
    check(
        shown.plain,
        """
        solution.py: AC  2/2 cases  policy strict, sandbox portable

        Cases
          AC   small   0.25 s   10.0 MiB
          AC   large   0.25 s   10.0 MiB

        Scores  coarse -0.6 (pass), fine -0.3 (no finding), adaptive 0.35 (2/2 passed)
        """,
    )


def test_a_short_program_is_shown_once_with_all_marks() -> None:
    source = Source("n = int(input())\nif n:\n\tprint('日本', 1 / n)\n", "p.py")
    findings = [
        *blame(source, "int(input())", cases=("one",), message="invalid literal"),
        *blame(source, "1 / n", kind="ZeroDivisionError", cases=("two", "three"), message=""),
    ]
    cases = [
        case("one", Verdict.RE, detail="ValueError: invalid literal (line 1)"),
        case("two", Verdict.RE, detail="ZeroDivisionError (line 3)"),
        case("three", Verdict.WA, detail="expected 1, got 2", policy="tokens"),
    ]
    check(
        render_text(report(cases, findings), source).plain,
        """
        p.py: RE  0/3 cases  policy strict, sandbox portable

        Cases
          RE   one     0.25 s   10.0 MiB  ValueError: invalid literal (line 1)
          RE   two     0.25 s   10.0 MiB  ZeroDivisionError (line 3)
          WA   three   0.25 s   10.0 MiB  expected 1, got 2 [policy tokens]

        Findings
          1. ValueError: invalid literal
             line 1; U_line, score -0.3; in one
          2. ZeroDivisionError
             line 3; U_line, score -0.3; in two, three

        Program
        > 1 | n = int(input())
            |     ^^^^^^^^^^^^ 1. ValueError
          2 | if n:
        > 3 |     print('日本', 1 / n)
            |                   ^^^^^ 2. ZeroDivisionError

        Scores  coarse -0.6 (error), fine -0.3 (2 findings), adaptive 0.35 (0/3 passed)
        """,
    )


def test_a_long_program_is_shown_in_excerpts() -> None:
    source = Source("".join(f"line{number}\r\n" for number in range(1, 61)))
    findings = blame(source, "line30", "line59", cases=())
    shown = render_text(report(findings=findings), source).plain
    assert "Program" not in shown
    check(
        shown[shown.index("Findings") : shown.index("\n\nScores")],
        """
        Findings
          1. ValueError: no good
             line 30; U_line, score -0.3
          28 | line28
          29 | line29
        > 30 | line30
             | ^^^^^^
          31 | line31
          32 | line32
          2. ValueError: no good
             line 59; U_line, score -0.3
          57 | line57
          58 | line58
        > 59 | line59
             | ^^^^^^
          60 | line60
        """,
    )


def test_the_whole_program_and_no_place() -> None:
    source = Source("import os\nos.abort()\n")
    findings = [
        finding(Scope.GLOBAL, source.whole_span(), kind="time-limit", origin=Origin.LIMIT),
        finding(Scope.IGNORE, kind="signal", origin=Origin.EXIT),
    ]
    shown = render_text(report(findings=findings), source).plain
    assert "the whole program (2 lines); U_global, score -0.3; in 1" in shown
    assert "no line can be blamed; U_ignore, score 0; in 1" in shown
    assert "^" not in shown
    assert "Program" not in shown


def test_an_empty_program_and_a_name_of_control_characters() -> None:
    source = Source("", "\x1b]0;x\x07.py")
    shown = render_text(report(findings=blame(source, "")), source).plain
    assert shown.startswith("␛]0;x␇.py: RE")
    assert "> 1 |\n    | ^ ValueError" in shown


def test_what_comes_from_outside_can_neither_style_nor_steer() -> None:
    nasty = "\x1b[2J[bold red]x[/]\r\n\u202e"
    source = Source(f"s = '{nasty}'\n1/0\n")
    policies = (PolicyView(policy="tokens", verdict=Verdict.AC, passed=1, flips=(nasty,)),)
    skipped = (Skipped(what=nasty, why=nasty),)
    full = report(
        [case(nasty, Verdict.RE, detail=nasty)],
        blame(source, "1/0", message=nasty, kind=nasty, cases=(nasty,)),
        policies=policies,
        skipped=skipped,
    )
    text = render_text(full, source)
    out = io.StringIO()
    Console(file=out, width=100, color_system=None).print(text, soft_wrap=True)
    assert out.getvalue() == text.plain + "\n"
    assert not set("\x1b\r\u202e") & set(text.plain)
    assert text.plain.count("[bold red]x[/]") == 10  # each place that it came through


def test_many_cases_are_summed_up() -> None:
    failing = [case(f"case {number}", Verdict.WA) for number in range(30)]
    passing = [case(f"ok {number}", cpu_seconds=number / 100) for number in range(70)]
    full = report([*passing[:35], *failing, *passing[35:], case("slow", Verdict.TLE)])
    shown = render_text(full, Source("")).plain
    assert "  WA   case 19" in shown and "case 20 " not in shown and "ok 1 " not in shown
    assert "  TLE  in 1 more case\n  WA   in 10 more cases\n" in shown
    assert "  AC   70 cases, at most 0.69 s, 10.0 MiB\n" in shown
    assert "--all-cases shows each of them" in shown
    everything = render_text(full, Source(""), all_cases=True).plain
    assert all(item.name in everything for item in full.cases)


def test_many_findings_and_skipped_things_are_counted() -> None:
    source = Source("x\n" * 50)
    findings = [blame(source, "x", message=str(n), cases=())[0] for n in range(12)]
    skipped = tuple(Skipped(what=f"cases[{number}]", why="no answer") for number in range(25))
    full = report(findings=findings, skipped=skipped)
    shown = render_text(full, source).plain
    assert "and 2 more; --all-cases shows them" in shown
    assert "and 5 more; --all-cases shows them" in shown
    assert "more; --all-cases" not in render_text(full, source, all_cases=True).plain


def test_policies_that_agree_share_a_line() -> None:
    names = ["strict", "tokens", "floats:abs=1e-9,rel=1e-6", "verl"]
    views = [PolicyView(policy=name, verdict=Verdict.RE, passed=0, flips=()) for name in names]
    views[1] = PolicyView(policy="tokens", verdict=Verdict.AC, passed=1, flips=("1",))
    shown = render_text(report(policies=tuple(views)), Source("")).plain
    assert "  tokens  AC   1/1 cases  differs in 1\n" in shown
    assert "  no verdict differs under strict, floats:abs=1e-9,rel=1e-6, verl\n" in shown


def test_forgeable_verdicts_are_called_so() -> None:
    weak = SandboxInfo(name="portable", tier="portable", tamper_resistant=False)
    cases = [case("1", tamper_resistant=False), case("2")]
    shown = render_text(report(cases, sandbox=weak), Source("")).plain
    assert "1 of 2 cases: the program could have forged the verdict" in shown


def test_every_line_of_a_table_fits() -> None:
    wide = "日本語" * 100
    source = Source(f"x = '{wide}' + 1/0\n")
    full = report(
        [case(wide, Verdict.RE, detail=wide)],
        blame(source, "1/0", message="m", cases=(wide,)),
        skipped=(Skipped(what="a", why=wide),),
    )
    for width in (80, 100):
        lines = render_text(full, source, width=width).plain.splitlines()
        assert max(map(cell_len, lines)) <= width
