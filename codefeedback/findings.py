"""A finding: one thing that is wrong with a program, and which part of the text is to blame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from codefeedback.spans import CharSpan


class Scope(StrEnum):
    """How much of the program a finding blames (RLTF, arXiv 2307.04349, section 3.2)."""

    GLOBAL = "U_global"  #: the whole program
    LINE = "U_line"  #: the lines of the spans
    IGNORE = "U_ignore"  #: no place can be named honestly


class Origin(StrEnum):
    """Where a finding comes from."""

    SYNTAX = "syntax"  #: the compiler, before the program ran
    RUNTIME = "runtime"  #: an exception object, inside the guest
    LIMIT = "limit"  #: a limit that the sandbox enforced
    EXIT = "exit"  #: an exit status or a signal
    EXTRACTION = "extraction"  #: the completion, before there was a program
    FLAKES = "flakes"  #: pyflakes, from the text alone
    CST = "cst"  #: libcst, from the text alone
    BLAME = "blame"  #: the lines that failing cases run, and passing ones do not

    @property
    def is_extra(self) -> bool:
        """Whether the paper does not know it: these never count in `Score.fine`."""
        return self in (Origin.FLAKES, Origin.CST, Origin.BLAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault. `spans` is the whole text for GLOBAL, never empty for LINE, empty for IGNORE.

    `kind` is a stable name: the exception's class, or a slug. `rule` names the row of the taxonomy
    that decided (docs/feedback.md): finer than `kind` for compiler errors. `secondary` are places
    that led there: the calls in the program, outermost first. `cases` names the cases that show
    the fault, in order (none for a fault found before any case ran). `weight`, 0 to 1, says how
    much it counts; `score` is R_fine of it, times that.
    """

    scope: Scope
    kind: str
    rule: str
    origin: Origin
    message: str
    spans: tuple[CharSpan, ...]
    secondary: tuple[CharSpan, ...] = ()
    cases: tuple[str, ...] = ()
    weight: float = 1.0
    score: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "scope": self.scope.value,
            "kind": self.kind,
            "rule": self.rule,
            "origin": self.origin.value,
            "message": self.message,
            "case": self.cases[0] if self.cases else None,
            "cases": list(self.cases),
            "weight": self.weight,
            "score": self.score,
            "spans": [span.to_dict() for span in self.spans],
            "secondary": [span.to_dict() for span in self.secondary],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        return cls(
            scope=Scope(data["scope"]),
            kind=data["kind"],
            rule=data.get("rule", data["kind"]),
            origin=Origin(data["origin"]),
            message=data["message"],
            spans=tuple(CharSpan.from_dict(span) for span in data["spans"]),
            secondary=tuple(CharSpan.from_dict(span) for span in data.get("secondary", ())),
            cases=tuple(data["cases"]),
            weight=float(data.get("weight", 1.0)),
            score=float(data["score"]),
        )
