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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault. `spans` is the whole text for GLOBAL, never empty for LINE, empty for IGNORE.

    `kind` is a stable name: the exception's class, or a slug. `cases` names the cases that show
    the fault, in order (none for a fault found before any case ran). `score` is R_fine of it.
    """

    scope: Scope
    kind: str
    origin: Origin
    message: str
    spans: tuple[CharSpan, ...]
    cases: tuple[str, ...]
    score: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "scope": self.scope.value,
            "kind": self.kind,
            "origin": self.origin.value,
            "message": self.message,
            "case": self.cases[0] if self.cases else None,
            "cases": list(self.cases),
            "score": self.score,
            "spans": [span.to_dict() for span in self.spans],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        return cls(
            scope=Scope(data["scope"]),
            kind=data["kind"],
            origin=Origin(data["origin"]),
            message=data["message"],
            spans=tuple(CharSpan.from_dict(span) for span in data["spans"]),
            cases=tuple(data["cases"]),
            score=float(data["score"]),
        )
