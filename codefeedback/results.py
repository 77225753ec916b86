"""What grading says: a result per case, scores, findings, and the report that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codefeedback.findings import Finding
from codefeedback.problems import Skipped
from codefeedback.verdicts import Outcome, Verdict

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case. Times are seconds, memory is bytes; `exit_code` is None after a signal.

    `detail` is one line for people. `policy` names the rule that compared the answer.
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
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CaseResult:
        values = {name: data[name] for name in cls.__slots__}
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
class Report:
    """All that grading one program against one problem found out."""

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
            "findings": [finding.to_dict() for finding in self.findings],
            "skipped": [item.to_dict() for item in self.skipped],
            "policies": [view.to_dict() for view in self.policies],
        }

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
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungraded:
    """A program that we could not grade, and why. It has no verdict and no score."""

    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"schema_version": SCHEMA_VERSION, "ungraded": self.reason}
