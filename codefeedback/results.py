"""What grading says: a result per case, scores, findings, and the report that holds them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from codefeedback.decoding import Span
from codefeedback.errors import UsageError
from codefeedback.extraction import Extraction
from codefeedback.findings import Finding, Origin, Scope
from codefeedback.problems import Skipped
from codefeedback.spans import CharSpan
from codefeedback.tokens import Blame, TokenSpan, mask, offsets_from, token_spans, weigh
from codefeedback.verdicts import Outcome, Verdict

SCHEMA_VERSION = 1

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case. Times are seconds, memory is bytes; `exit_code` is None after a signal.

    `detail` is one line for people. `policy` names the rule that compared the answer. `lines` are
    the lines of the program that ran, in order; None unless coverage was asked for.
    """

    name: str
    verdict: Verdict
    policy: str
    cpu_seconds: float
    wall_seconds: float
    max_rss_bytes: int
    exit_code: int | None
    signal: int | None = None
    tamper_resistant: bool = True
    detail: str = ""
    lines: tuple[int, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "verdict": self.verdict.value,
            "policy": self.policy,
            "cpu_seconds": self.cpu_seconds,
            "wall_seconds": self.wall_seconds,
            "max_rss_bytes": self.max_rss_bytes,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "tamper_resistant": self.tamper_resistant,
            "detail": self.detail,
            "lines": None if self.lines is None else list(self.lines),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CaseResult:
        values: dict[str, Any] = {name: data[name] for name in cls.__slots__ if name in data}
        lines = values.get("lines")
        values["lines"] = None if lines is None else tuple(lines)
        return cls(**{**values, "verdict": Verdict(data["verdict"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The rewards of RLTF (arXiv 2307.04349, eqs. 3 to 5) and what they were computed from."""

    coarse: float
    fine: float
    adaptive: float
    passed: int
    total: int

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Score:
        return cls(**{name: data[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxInfo:
    """Which sandbox ran the program. `tier` says how much it promises (docs/sandbox.md)."""

    name: str
    tier: str
    tamper_resistant: bool

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SandboxInfo:
        return cls(**{name: data[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """The same runs under another policy; `flips` names the cases whose verdict differs."""

    policy: str
    verdict: Verdict
    passed: int
    flips: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "policy": self.policy,
            "verdict": self.verdict.value,
            "passed": self.passed,
            "flips": list(self.flips),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PolicyView:
        return cls(
            policy=data["policy"],
            verdict=Verdict(data["verdict"]),
            passed=data["passed"],
            flips=tuple(data["flips"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What ran of a program, over all cases: lines, and the places (whole lines) that never ran.

    Without `complete`, other lines may have run as well (a limit ended a run, the program stopped
    the watch, or went another way when it ran once more), and no place is named. Of a program that
    does not compile no line ran, and no place is named: all of it is to blame.
    """

    lines: tuple[int, ...]
    missed: tuple[CharSpan, ...]
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        return {
            "lines": list(self.lines),
            "missed": [span.to_dict() for span in self.missed],
            "complete": self.complete,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Coverage:
        return cls(
            lines=tuple(data["lines"]),
            missed=tuple(CharSpan.from_dict(span) for span in data["missed"]),
            complete=data["complete"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that grading one program against one problem found out.

    Spans count in the program's text, which has `program_length` characters. `extraction` says
    where that stands in the completion it was found in; None where the program was given itself.
    """

    verdict: Verdict
    outcome: Outcome
    score: Score
    policy: str
    sandbox: SandboxInfo
    limits: Mapping[str, float]
    cases: tuple[CaseResult, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    policies: tuple[PolicyView, ...] = field(default=())
    program_length: int = 0
    granularity: str = "line"
    truncated: bool = False
    extraction: Extraction | None = None
    coverage: Coverage | None = None

    def completion_spans(self, spans: Iterable[CharSpan]) -> tuple[Span, ...]:
        """Where spans of the program stand in the completion, as (start, end) in code points.

        A span can be in several parts there (an indented block), or nowhere (in the prompt).
        """
        pairs = ((span.start, span.end) for span in spans)
        return tuple(part for pair in pairs for part in self._in_completion(*pair))

    def _in_completion(self, start: int, end: int) -> tuple[Span, ...]:
        if self.extraction is None:
            return ((start, end),)
        return self.extraction.to_completion(start, end)

    def _offsets(self, given: Any, ids: Sequence[int] | None) -> list[Span]:
        """Offsets into the text that was graded; those of a longer one are refused."""
        pairs = offsets_from(given, ids)
        length = self.program_length
        if self.extraction is not None:
            length = self.extraction.completion_length
        last = max((end for _, end in pairs), default=0)
        if last > length > 0:
            raise UsageError(
                f"offsets reach to {last}, but the text that was graded has {length} characters: "
                "they are of another text (with the prompt?), or count bytes"
            )
        return pairs

    def token_spans(self, offsets: Any, ids: Sequence[int] | None = None) -> list[list[TokenSpan]]:
        """For each finding, the tokens that it blames, as runs of indices into the sampled ids.

        `offsets`: one (start, end) pair of code points of the completion per sampled id, or a
        tokenizer together with the sampled `ids` (`codefeedback.tokens`). Raises UsageError for
        anything else.
        """
        pairs = self._offsets(offsets, ids)
        return [token_spans(self.completion_spans(each.spans), pairs) for each in self.findings]

    def token_weights(
        self,
        offsets: Any,
        ids: Sequence[int] | None = None,
        *,
        fine: float = -0.3,
        alpha: str | None = "length",
        origins: Mapping[str, float] | None = None,
        secondary: float = 0.0,
    ) -> list[float]:
        """R_fine of each sampled token, times alpha (arXiv 2307.04349, eqs. 4 and 9).

        A finding gives its tokens ``fine * weight * alpha``, with alpha = T / n for "length" (T
        tokens of the program, n of them blamed) and 1 for None; `origins` multiplies that by
        origin (``{"flakes": 0.0}``), and `secondary` is the share of places that led there. A token
        that several findings blame gets the weight of the largest absolute value; others get 0.0,
        and so do special tokens. As long as the sampled ids. Raises UsageError as `token_spans`
        does.
        """
        fine, secondary = _number("fine", fine), _number("secondary", secondary)
        shares = _shares(origins)
        pairs = self._offsets(offsets, ids)
        blames = []
        for finding in self.findings:
            weight = fine * finding.weight * shares.get(finding.origin, 1.0)
            if finding.scope is Scope.IGNORE or not weight:
                continue
            blames.append(Blame(spans=self.completion_spans(finding.spans), weight=weight))
            if secondary and finding.secondary:
                places = self.completion_spans(finding.secondary)
                blames.append(Blame(spans=places, weight=weight * secondary))
        return weigh(blames, pairs, self._in_completion(0, self.program_length), alpha=alpha)

    def executed_mask(self, offsets: Any, ids: Sequence[int] | None = None) -> list[int]:
        """1 for each sampled token, 0 where all of it is code that no case ran.

        The mask of StepCoder (arXiv 2402.01391, FGO). As long as the sampled ids. Raises
        UsageError as `token_spans` does, and for a report without coverage.
        """
        if self.coverage is None:
            raise UsageError("there is no coverage in this report: grade with coverage=True")
        return mask(self.completion_spans(self.coverage.missed), self._offsets(offsets, ids))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the keys are part of the public interface (docs/report.md)."""
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict.value,
            "outcome": self.outcome.value,
            "score": self.score.to_dict(),
            "policy": self.policy,
            "sandbox": self.sandbox.to_dict(),
            "limits": dict(self.limits),
            "cases": [case.to_dict() for case in self.cases],
            "findings": [self._located(finding) for finding in self.findings],
            "skipped": [item.to_dict() for item in self.skipped],
            "policies": [view.to_dict() for view in self.policies],
            "program_length": self.program_length,
            "granularity": self.granularity,
            "truncated": self.truncated,
            "extraction": None if self.extraction is None else self.extraction.to_dict(),
            "coverage": None if self.coverage is None else self.coverage.to_dict(),
        }

    def _located(self, finding: Finding) -> dict[str, Any]:
        """A finding with its places in the completion, for who reads JSON only."""
        if self.extraction is None:
            return finding.to_dict()
        places = [list(pair) for pair in self.completion_spans(finding.spans)]
        return {**finding.to_dict(), "completion_spans": places}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """The report that `to_dict` made these values of. Raises ValueError for another version."""
        version = data.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ValueError(f"schema_version: expected {SCHEMA_VERSION}, got {version!r}")
        return cls(
            verdict=Verdict(data["verdict"]),
            outcome=Outcome(data["outcome"]),
            score=Score.from_dict(data["score"]),
            policy=data["policy"],
            sandbox=SandboxInfo.from_dict(data["sandbox"]),
            limits=dict(data["limits"]),
            cases=tuple(CaseResult.from_dict(case) for case in data["cases"]),
            findings=tuple(Finding.from_dict(finding) for finding in data["findings"]),
            skipped=tuple(Skipped(**item) for item in data["skipped"]),
            policies=tuple(PolicyView.from_dict(view) for view in data["policies"]),
            program_length=data.get("program_length", 0),
            granularity=data.get("granularity", "line"),
            truncated=data.get("truncated", False),
            extraction=_maybe(Extraction.from_dict, data.get("extraction")),
            coverage=_maybe(Coverage.from_dict, data.get("coverage")),
        )


def _maybe(read: Callable[[Mapping[str, Any]], _T], data: Mapping[str, Any] | None) -> _T | None:
    return None if data is None else read(data)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UsageError(f"{name}: expected a finite number, got {value!r}")
    return float(value)


def _shares(origins: Mapping[str, float] | None) -> Mapping[str, float]:
    for name, share in (origins or {}).items():
        if name not in list(Origin):
            known = ", ".join(Origin)
            raise UsageError(f"origins: expected some of {known}, got {name!r}")
        _number(f"origins[{name!r}]", share)
    return origins or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungraded:
    """A program that we could not grade, and why. It has no verdict and no score."""

    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"schema_version": SCHEMA_VERSION, "ungraded": self.reason}
