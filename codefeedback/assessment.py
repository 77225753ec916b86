"""One program against one problem: run, judged, and all that is found out written down."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from codefeedback import scoring
from codefeedback.analysis import static
from codefeedback.analysis.extents import Extents
from codefeedback.analysis.faults import fault_of, no_program
from codefeedback.analysis.inspecting import Inspection, Inspector
from codefeedback.analysis.missed import missed
from codefeedback.analysis.suspects import suspects
from codefeedback.checking.judging import failure, judge, tamper_resistant
from codefeedback.checking.policies import Policy
from codefeedback.checking.policies import policy as policy_named
from codefeedback.errors import CheckerError, ProblemError, UsageError
from codefeedback.extraction import Extraction
from codefeedback.findings import Finding
from codefeedback.problems import Case, CheckCase, Limits, Problem, Skipped, StdinCase
from codefeedback.results import (
    CaseResult,
    Coverage,
    PolicyView,
    Report,
    SandboxInfo,
    Score,
)
from codefeedback.sandbox.commands import command_for
from codefeedback.sandbox.interface import Command, Execution, Sandbox, Script
from codefeedback.spans import Source
from codefeedback.verdicts import Verdict, outcome_of, overall

#: How much slower a program can be while its lines are told (before CPython 3.12).
_WATCHED = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How programs are graded: what `Grader` documents, checked."""

    sandbox: Sandbox
    inspector: Inspector
    limits: Limits | Mapping[str, Any] | None
    policy: str | None
    compared: tuple[Policy, ...]
    reuse: bool
    fail_fast: bool
    granularity: str
    analysis: str
    blame: str | None
    coverage: bool

    def limits_for(self, problem: Problem) -> Limits:
        """What a case of this problem may use. Raises UsageError for limits that are none."""
        return checked_limits(problem.limits, self.limits)

    def policy_for(self, problem: Problem, case: Case | None = None) -> Policy:
        """The rule that compares the answers of this problem, or of one case of it."""
        own = None if case is None or isinstance(case, CheckCase) else case.policy
        return policy_named(self.policy or own or problem.policy)


def checked_limits(own: Mapping[str, Any], override: Limits | Mapping[str, Any] | None) -> Limits:
    if isinstance(override, Limits):
        return override
    if override is not None and not isinstance(override, Mapping):
        raise UsageError(f"limits: expected a mapping or Limits, got {override!r}")
    try:
        return Limits().override({**own, **(override or {})})
    except (ValueError, TypeError) as error:
        raise UsageError(f"limits: {error}") from None


class Assessment:
    """One program against one problem, once."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        problem: Problem,
        extraction: Extraction | None,
        truncated: bool,
    ) -> None:
        self._settings = settings
        self._source = source
        self._problem = problem
        self._extraction = extraction
        self._truncated = truncated
        self._extents = Extents(source, settings.granularity, self._inspection)
        self._limits = settings.limits_for(problem)
        self._skipped = list(problem.skipped)
        self._findings: dict[tuple[Any, ...], Finding] = {}
        #: verdicts of the same runs under the policies to compare with, by case name
        self._other: dict[str, dict[str, Verdict]] = {
            policy.name: {} for policy in settings.compared
        }

    def report(self) -> Report:
        results = self._case_results()
        verdict = overall(result.verdict for result in results)
        outcome = outcome_of(verdict)
        passed = sum(result.verdict is Verdict.AC for result in results)
        coverage, results = self._covered(results)
        self._add_extras(results)
        findings = tuple(self._findings.values())
        fines = (finding.score for finding in findings if not finding.origin.is_extra)
        return Report(
            verdict=verdict,
            outcome=outcome,
            score=Score(
                coarse=scoring.coarse(outcome),
                fine=min(fines, default=0.0),
                adaptive=scoring.adaptive(passed, len(results)),
                passed=passed,
                total=len(results),
            ),
            policy=self._settings.policy_for(self._problem).name,
            sandbox=SandboxInfo(
                name=self._settings.sandbox.name,
                tier=self._settings.sandbox.tier,
                tamper_resistant=all(result.tamper_resistant for result in results),
            ),
            limits=self._limits.to_dict(),
            cases=tuple(results),
            findings=findings,
            skipped=tuple(self._skipped),
            policies=self._views(results),
            program_length=len(self._source.text),
            granularity=self._settings.granularity,
            truncated=self._truncated,
            extraction=self._extraction,
            coverage=coverage,
        )

    def _case_results(self) -> list[CaseResult]:
        if self._extraction is not None and self._extraction.found == "nothing":
            return self._without_program(self._extraction.reason)
        results: list[CaseResult] = []
        cases = self._problem.cases
        fail_fast = self._settings.fail_fast
        # Neither runs ahead of a case that may be the last one.
        reuse = self._settings.reuse and not fail_fast
        commands = self._commands()
        runs = self._settings.sandbox.run_all(
            commands, self._limits, ahead=not fail_fast, reuse=reuse
        )
        with contextlib.closing(runs):
            for case, command, execution in zip(cases, commands, runs, strict=True):
                results.append(self._case_result(case, command, execution))
                verdict = results[-1].verdict
                if verdict is Verdict.CE or (fail_fast and verdict is not Verdict.AC):
                    break
        rest = cases[len(results) :]
        if results and results[-1].verdict is Verdict.CE:
            # What does not compile for one case does not compile for any.
            results += [replace(results[-1], name=case.name, cpu_seconds=0.0) for case in rest]
        elif rest:
            why = f"stopped at the first case that failed ({results[-1].name})"
            self._skipped += [Skipped(what=case.name, why=why) for case in rest]
        return results

    def _commands(self) -> list[Command]:
        return [command_for(case, self._problem, self._source) for case in self._problem.cases]

    def _without_program(self, reason: str) -> list[CaseResult]:
        """A completion without a program fails every case; nothing has to be run for that."""
        self._add(no_program(reason, self._source))
        return [
            CaseResult(
                name=case.name,
                verdict=Verdict.CE,
                policy=self._policy_name(case),
                cpu_seconds=0.0,
                wall_seconds=0.0,
                max_rss_bytes=0,
                exit_code=None,
                detail=reason,
            )
            for case in self._problem.cases
        ]

    def _policy_name(self, case: Case) -> str:
        return (
            "test"
            if isinstance(case, CheckCase)
            else self._settings.policy_for(self._problem, case).name
        )

    def _inspection(self) -> Inspection:
        checks = [case for case in self._problem.cases if isinstance(case, CheckCase)]
        setups = dict.fromkeys(case.setup for case in checks)
        return self._settings.inspector.inspect(
            self._source, "\n".join([self._problem.prelude, *setups])
        )

    def _covered(self, results: list[CaseResult]) -> tuple[Coverage | None, list[CaseResult]]:
        """Runs the cases once more to see which lines they run, if that was asked for."""
        if not self._settings.coverage:
            return None, results
        if any(result.verdict is Verdict.CE for result in results):
            return Coverage(lines=(), missed=(), complete=True), [
                replace(each, lines=()) for each in results
            ]
        commands = [replace(command, coverage=True) for command in self._commands()[: len(results)]]
        runs = list(self._settings.sandbox.run_all(commands, self._watched_limits(results)))
        told = [
            None if run.lines is None else frozenset((*run.lines, *(run.load_lines or ())))
            for run in runs
        ]
        lines = frozenset[int]().union(*(each for each in told if each is not None))
        # What a run did not tell of may have run: then nothing is sure never to.
        complete = all(
            run.lines_complete and (run.exit_code, run.signal) == (result.exit_code, result.signal)
            for run, result in zip(runs, results, strict=True)
        )
        places = missed(self._source, self._inspection(), lines) if complete else ()
        covered = [
            replace(result, lines=None if each is None else tuple(sorted(each)))
            for result, each in zip(results, told, strict=True)
        ]
        return Coverage(lines=tuple(sorted(lines)), missed=places, complete=complete), covered

    def _watched_limits(self, results: list[CaseResult]) -> Limits:
        """Time for runs that are watched, which can be twenty times as slow; no more than that, so
        that a program which waits to be watched gains little."""
        used = max((result.cpu_seconds for result in results), default=0.0)
        return replace(self._limits, cpu_seconds=1.0 + _WATCHED * used)

    def _add_extras(self, results: list[CaseResult]) -> None:
        """What static analysis and the comparison of cases say, if that was asked for."""
        verdicts = {result.verdict for result in results}
        if self._settings.blame is not None and Verdict.WA in verdicts:
            runs = [
                (result.name, command, result.verdict is Verdict.AC)
                for result, command in zip(results, self._commands(), strict=False)
                if result.verdict in (Verdict.AC, Verdict.WA)
            ]
            for finding in suspects(
                self._settings.sandbox,
                runs,
                self._watched_limits(results),
                self._source,
                self._extents,
                self._settings.blame,
            ):
                self._add(finding)
        when = self._settings.analysis
        failing = verdicts != {Verdict.AC}
        if self._source.text and (when == "always" or (when == "failing" and failing)):
            for finding in static.static_findings(self._inspection(), self._source, self._extents):
                self._add(finding)

    def _case_result(self, case: Case, command: Command, execution: Execution) -> CaseResult:
        policy = self._settings.policy_for(self._problem, case)
        if execution.reused and self._judge(case, execution, policy)[0] is not Verdict.AC:
            execution = self._settings.sandbox.run(command, self._limits)
        verdict, detail = self._judge(case, execution, policy)
        for other in self._settings.compared:
            self._other[other.name][case.name] = judge(case, execution, other)[0]
        finding = fault_of(
            execution, verdict, self._source, case.name, self._extents, self._truncated
        )
        if finding is not None:
            self._add(finding)
        return CaseResult(
            name=case.name,
            verdict=verdict,
            policy=self._policy_name(case),
            cpu_seconds=execution.cpu_seconds,
            wall_seconds=execution.wall_seconds,
            max_rss_bytes=execution.max_rss_bytes,
            exit_code=execution.exit_code,
            signal=execution.signal,
            tamper_resistant=tamper_resistant(case, execution),
            detail=detail,
        )

    def _judge(self, case: Case, execution: Execution, policy: Policy) -> tuple[Verdict, str]:
        if policy.name != "checker" or isinstance(case, CheckCase):
            return judge(case, execution, policy)
        failed = failure(execution)
        return failed if failed is not None else self._ask_checker(case, execution)

    def _ask_checker(self, case: Case, execution: Execution) -> tuple[Verdict, str]:
        """Runs the checker program: 0 accepts, 1 (or 2) rejects, anything else is our failure."""
        if not isinstance(case, StdinCase):
            raise ProblemError("a checker judges printed output only", where=case.name)
        if self._problem.checker is None:
            raise ProblemError("the policy is checker, and there is no checker program")
        command = Script(
            program=Source(self._problem.checker, "checker.py"),
            args=("input.txt", "output.txt", "answer.txt"),
            files={
                "input.txt": case.stdin.encode("utf-8", "surrogatepass"),
                "output.txt": execution.stdout,
                "answer.txt": case.accepted[0].encode("utf-8", "surrogatepass"),
            },
        )
        answer = self._settings.sandbox.run(command, self._limits)
        said = " ".join((answer.stdout + b" " + answer.stderr).decode("utf-8", "replace").split())
        failed = failure(answer)
        if failed is None:
            return Verdict.AC, said[:200]
        # An uncaught exception ends with status 1 as well, and says nothing of the answer.
        raised = answer.trace is not None and not answer.trace.is_a("SystemExit")
        if answer.exit_code in (1, 2) and not raised and answer.limit_hit is None:
            return Verdict.WA, said[:200] or "rejected by the checker"
        raise CheckerError(f"{case.name}: the checker failed: {failed[1]}")

    def _add(self, finding: Finding) -> None:
        """The same fault in several cases is one finding."""
        key = (finding.scope, finding.kind, finding.origin, finding.message, finding.spans)
        known = self._findings.get(key)
        if known is not None:
            finding = replace(known, cases=known.cases + finding.cases)
        self._findings[key] = finding

    def _views(self, results: list[CaseResult]) -> tuple[PolicyView, ...]:
        views = []
        for name, verdicts in self._other.items():
            under = [verdicts.get(result.name, result.verdict) for result in results]
            views.append(
                PolicyView(
                    policy=name,
                    verdict=overall(under),
                    passed=under.count(Verdict.AC),
                    flips=tuple(
                        result.name
                        for result, other in zip(results, under, strict=True)
                        if result.verdict is not other
                    ),
                )
            )
        return tuple(views)
