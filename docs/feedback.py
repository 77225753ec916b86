"""Prints docs/feedback.md, which is made from the taxonomy.

python docs/feedback.py > docs/feedback.md
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from codefeedback.analysis import taxonomy
from codefeedback.analysis.taxonomy import Rule

_INTRODUCTION = """\
# What is blamed, and how much

Every finding has a *scope*: how much of the program it blames, after RLTF (arXiv 2307.04349).

| scope | what is blamed | R_fine |
|---|---|---|
| `U_line` | the places that its spans name: by default whole lines | -0.3 |
| `U_global` | the whole program | -0.3 |
| `U_ignore` | nothing: no place can be named honestly | 0.0 |

and a *weight*, from 0 to 1, by which R_fine is multiplied. Both come from the table on this page,
which is the one in `codefeedback/analysis/taxonomy.py`; a finding's `rule` is the name of its row.

- **Exceptions** are matched by class, never by text: a class that is not in the table, such as a
  program's own, counts as its nearest built-in base, and one without any as `BaseException`.
- **Compiler errors** have one class for many mistakes. They are matched by CPython's own message,
  in the wordings of 3.8 to 3.13; the first row that fits counts. An unknown message is `U_line`.
- **Static analysis** (`--analysis`, `analysis=`) has origins of its own, `flakes` and `cst`. It
  never changes a verdict or a score; a weight below 1 says that it is not sure that the place is
  wrong, or that it matters. A class of pyflakes that is not in the table counts as `FlakesMessage`.
- **Wrong answers** (`--blame`, `blame=`) have the origin `blame`; the weight is multiplied by the
  line's suspicion.
- A compiler error **at the end of a text that was cut off** (`truncated=True`, `--truncated`) is
  `U_global`, rule `truncated`, whatever the row says. The end is the last line with text, or an
  open triple quote or bracket that more text could still close.

A finding that is `U_line` and has no line, as an exception that only an imported module raised in
a thread, is `U_ignore`. How much around a place is blamed is told in [spans.md](spans.md).
"""


def page() -> str:
    """The whole page."""
    syntax = [
        (rule.name, f"`{rule.kind}`", _words(rule), _scope(rule), f"{rule.weight:g}", rule.why)
        for rule in taxonomy.SYNTAX
    ]
    parts = [
        _INTRODUCTION,
        "## Compiler errors\n\nOrigin `syntax`.\n",
        _table(("rule", "class", "CPython says", "scope", "weight", "why"), syntax),
        _section("Exceptions", "Origin `runtime`.", taxonomy.EXCEPTIONS),
        _section(
            "Limits, ends, and answers without a program",
            "Origins `limit`, `exit`, `runtime` (`MissingEntryPoint`), `syntax` (`CompilerCrash`)\n"
            "and `extraction` (`NoProgram`).",
            taxonomy.LIMITS,
        ),
        _section("pyflakes", "Origin `flakes`, by message class.", taxonomy.FLAKES),
        _section("libcst", "Origin `cst`.", taxonomy.CHECKS),
        _section("Wrong answers", "Origin `blame`.", taxonomy.BLAME),
    ]
    return "\n".join(parts)


def _section(title: str, text: str, rules: Iterable[Rule]) -> str:
    rows = [(f"`{rule.kind}`", _scope(rule), f"{rule.weight:g}", rule.why) for rule in rules]
    return f"## {title}\n\n{text}\n\n" + _table(("kind", "scope", "weight", "why"), rows)


def _scope(rule: Rule) -> str:
    return f"`{rule.scope.value}`"


def _words(rule: Rule) -> str:
    words = [message.replace("|", "\\|") for message in rule.messages]
    return ", ".join(f"`{word}`" if "`" not in word else word for word in words) or "anything else"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cells) + " |\n" if cells[0] != "---" else "|" + "---|" * len(head) + "\n"
        for cells in lines
    )


if __name__ == "__main__":
    print(page(), end="")
