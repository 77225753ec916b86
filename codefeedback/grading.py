"""Grading: runs the cases of a problem, judges them, and writes the report."""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Lock
from types import TracebackType
from typing import Any, Self

from codefeedback import scoring
from codefeedback.analysis.faults import fault_of
from codefeedback.checking.judging import failure, judge, tamper_resistant
from codefeedback.checking.policies import Policy
from codefeedback.checking.policies import policy as policy_named
from codefeedback.errors import CheckerError, ProblemError, UsageError, WeakSandboxError
from codefeedback.findings import Finding
from codefeedback.loading import load_problem
from codefeedback.problems import CallCase, Case, CheckCase, Limits, Problem, Skipped, StdinCase
from codefeedback.results import (
    CaseResult,
    PolicyView,
    Report,
    SandboxInfo,
    Score,
    Ungraded,
)
from codefeedback.sandbox.choose import choose
from codefeedback.sandbox.commands import command_for
from codefeedback.sandbox.interface import NO_VALUE, Command, Execution, Sandbox, Script
from codefeedback.spans import Source
from codefeedback.verdicts import Verdict, outcome_of, overall

Program = str | bytes | Source
ProblemLike = Problem | str | os.PathLike[str] | Mapping[str, Any] | list[Any]

# Problems whose answers a reference program gave; a batch has many programs per problem.
_RESOLVED_KEPT = 64


class Grader:
    """Grades programs. Use it as a context manager: leaving it ends everything that still runs.

    workers           how many programs `grade_many` and `agrade` grade at one time
    limits            a mapping overrides single limits of every problem; `Limits` replaces all
    policy            overrides the policy of every problem
    sandbox           a name (``auto``, ``local``, ``portable``) or a sandbox
    python            the interpreter that runs the programs (default: this one)
    site_packages     let programs import what is installed beside `python`
    preload           modules (numpy) that every program finds imported already, for speed
    reuse             run the cases of a program in one process, and again by itself what fails
                      there: faster, but a case can pass because of what others left behind
    allow_weak_sandbox  grade also where programs can read this machine's files, answers included
    fail_fast         stop at the first case that is not accepted; the report says what was skipped
    compare_policies  names of policies to judge the same runs by as well

    Raises UsageError (PolicyError, WeakSandboxError, ...) for settings that make no sense,
    SandboxUnavailableError for a sandbox that does not work here.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        limits: Limits | Mapping[str, Any] | None = None,
        policy: str | None = None,
        sandbox: Sandbox | str = "auto",
        python: str | None = None,
        site_packages: bool = False,
        preload: Sequence[str] = (),
        reuse: bool = False,
        allow_weak_sandbox: bool = False,
        fail_fast: bool = False,
        compare_policies: Sequence[str] = (),
    ) -> None:
        if workers < 1:
            raise UsageError(f"workers: expected at least 1, got {workers}")
        self._workers = workers
        self._limits = limits
        _checked_limits({}, limits)
        self._policy = policy
        self._fail_fast = fail_fast
        self._compared = [policy_named(name) for name in compare_policies]
        if policy is not None:
            policy_named(policy)
        if isinstance(sandbox, str):
            sandbox = choose(
                sandbox,
                python=python,
                site_packages=site_packages or bool(preload),
                preload=preload,
                workers=workers,
            )
        elif python is not None or site_packages or preload:
            raise UsageError(
                "python, site_packages and preload are settings of the sandbox: set them there"
            )
        self.sandbox = sandbox
        if not sandbox.hides_files and not allow_weak_sandbox:
            raise WeakSandboxError(
                f"the {sandbox.name} sandbox cannot hide this machine's files (answers included) "
                "from programs here: see `codefeedback doctor`, or allow it with "
                "allow_weak_sandbox=True (--allow-weak-sandbox)"
            )
        self._reuse = reuse
        self._pool: ThreadPoolExecutor | None = None
        self._lock = Lock()
        self._resolved: OrderedDict[int, tuple[Problem, Problem]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all work, also what is under way."""
        self.sandbox.close()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def grade(self, program: Program, problem: ProblemLike) -> Report:
        """Grades one program.

        Raises SandboxError when we failed and nothing can be said of the program, ProblemError
        when the problem is malformed.
        """
        source = program if isinstance(program, Source) else Source(program)
        problem = problem if isinstance(problem, Problem) else load_problem(problem)
        return _Grading(self, source, self._with_answers(problem)).report()

    def grade_many(
        self, items: Iterable[tuple[Program, ProblemLike]], *, ordered: bool = True
    ) -> Iterator[Report | Ungraded]:
        """Grades (program, problem) pairs over the workers, lazily and in bounded memory.

        Yields one result per pair, in order, or as completed with ``ordered=False`` (see
        `grade_indexed` for which is which). A pair that we could not grade yields `Ungraded`.
        """
        if not ordered:
            for _, result in self.grade_indexed(items):
                yield result
            return
        waiting: dict[int, Report | Ungraded] = {}
        following = 0
        for index, result in self.grade_indexed(items, spread=4 * self._workers):
            waiting[index] = result
            while following in waiting:
                yield waiting.pop(following)
                following += 1

    def grade_indexed(
        self, items: Iterable[tuple[Program, ProblemLike]], *, spread: int | None = None
    ) -> Iterator[tuple[int, Report | Ungraded]]:
        """Like `grade_many`, as completed, with the index of each pair.

        No pair starts that is `spread` or more behind the oldest unfinished one.
        """
        running: dict[Future[Report | Ungraded], int] = {}
        pairs = enumerate(items)
        exhausted = False
        try:
            while True:
                while not exhausted and len(running) < 2 * self._workers:
                    if spread and running and self._submitted(running) >= spread:
                        break
                    item = next(pairs, None)
                    if item is None:
                        exhausted = True
                        break
                    index, (program, problem) = item
                    running[self._submit(program, problem)] = index
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda future: running[future]):
                    yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()

    @staticmethod
    def _submitted(running: Mapping[Future[Report | Ungraded], int]) -> int:
        return max(running.values()) - min(running.values()) + 1

    async def agrade(self, program: Program, problem: ProblemLike) -> Report:
        """`grade`, awaited: runs on the workers, and raises what `grade` raises."""
        import asyncio  # takes as long to import as all the rest

        return await asyncio.wrap_future(self._executor().submit(self.grade, program, problem))

    def _submit(self, program: Program, problem: ProblemLike) -> Future[Report | Ungraded]:
        return self._executor().submit(self._grade_or_say_why, program, problem)

    def _grade_or_say_why(self, program: Program, problem: ProblemLike) -> Report | Ungraded:
        try:
            return self.grade(program, problem)
        except Exception as error:
            # Whatever is wrong with one item, the others are graded.
            return Ungraded(reason=f"{type(error).__name__}: {error}")

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, "codefeedback")
            return self._pool

    def _with_answers(self, problem: Problem) -> Problem:
        """The problem with the answers that its reference program gives where it has none."""
        if not any(isinstance(case, CallCase) and not case.accepted for case in problem.cases):
            return problem
        key = id(problem)
        with self._lock:
            known = self._resolved.get(key)
        if known is not None:
            return known[1]
        resolved = replace(
            problem, cases=tuple(self._answered(case, problem) for case in problem.cases)
        )
        with self._lock:
            # The problem is kept too, so that its id stays its own.
            self._resolved[key] = (problem, resolved)
            while len(self._resolved) > _RESOLVED_KEPT:
                self._resolved.popitem(last=False)
        return resolved

    def _answered(self, case: Case, problem: Problem) -> Case:
        if not isinstance(case, CallCase) or case.accepted:
            return case
        if problem.reference is None:
            raise ProblemError("no expected answer, and no reference program", where=case.name)
        reference = Source(problem.reference, "reference.py")
        execution = self.sandbox.run(
            command_for(case, problem, reference), self.limits_for(problem)
        )
        failed = failure(execution)
        if failed is not None or execution.value is NO_VALUE:
            why = failed[1] if failed else execution.ending
            raise ProblemError(f"the reference program fails: {why}", where=case.name)
        return replace(case, accepted=(execution.value,))

    def limits_for(self, problem: Problem) -> Limits:
        """What a case of this problem may use."""
        return _checked_limits(problem.limits, self._limits)

    def policy_for(self, problem: Problem, case: Case | None = None) -> Policy:
        """The rule that compares the answers of this problem, or of one case of it."""
        own = None if case is None or isinstance(case, CheckCase) else case.policy
        return policy_named(self._policy or own or problem.policy)


def _checked_limits(own: Mapping[str, Any], override: Limits | Mapping[str, Any] | None) -> Limits:
    if isinstance(override, Limits):
        return override
    try:
        return Limits().override({**own, **(override or {})})
    except (ValueError, TypeError) as error:
        raise UsageError(f"limits: {error}") from None


class _Grading:
    """One program against one problem."""

    def __init__(self, grader: Grader, source: Source, problem: Problem) -> None:
        self._grader = grader
        self._source = source
        self._problem = problem
        self._limits = grader.limits_for(problem)
        self._skipped = list(problem.skipped)
        self._findings: dict[tuple[Any, ...], Finding] = {}
        #: verdicts of the same runs under the policies to compare with, by case name
        self._other: dict[str, dict[str, Verdict]] = {
            policy.name: {} for policy in grader._compared
        }

    def report(self) -> Report:
        results = self._case_results()
        verdict = overall(result.verdict for result in results)
        outcome = outcome_of(verdict)
        passed = sum(result.verdict is Verdict.AC for result in results)
        findings = tuple(self._findings.values())
        return Report(
            verdict=verdict,
            outcome=outcome,
            score=Score(
                coarse=scoring.coarse(outcome),
                fine=min((finding.score for finding in findings), default=0.0),
                adaptive=scoring.adaptive(passed, len(results)),
                passed=passed,
                total=len(results),
            ),
            policy=self._grader.policy_for(self._problem).name,
            sandbox=SandboxInfo(
                name=self._grader.sandbox.name,
                tier=self._grader.sandbox.tier,
                tamper_resistant=all(result.tamper_resistant for result in results),
            ),
            limits=self._limits.to_dict(),
            cases=tuple(results),
            findings=findings,
            skipped=tuple(self._skipped),
            policies=self._views(results),
        )

    def _case_results(self) -> list[CaseResult]:
        results: list[CaseResult] = []
        cases = self._problem.cases
        commands = [command_for(case, self._problem, self._source) for case in cases]
        fail_fast = self._grader._fail_fast
        # Neither runs ahead of a case that may be the last one.
        reuse = self._grader._reuse and not fail_fast
        runs = self._grader.sandbox.run_all(
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

    def _case_result(self, case: Case, command: Command, execution: Execution) -> CaseResult:
        policy = self._grader.policy_for(self._problem, case)
        if execution.reused and self._judge(case, execution, policy)[0] is not Verdict.AC:
            execution = self._grader.sandbox.run(command, self._limits)
        policy = self._grader.policy_for(self._problem, case)
        verdict, detail = self._judge(case, execution, policy)
        for other in self._grader._compared:
            self._other[other.name][case.name] = judge(case, execution, other)[0]
        finding = fault_of(execution, verdict, self._source, case.name)
        if finding is not None:
            self._add(finding)
        return CaseResult(
            name=case.name,
            verdict=verdict,
            policy="test" if isinstance(case, CheckCase) else policy.name,
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
        answer = self._grader.sandbox.run(command, self._limits)
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


def grade(program: Program, problem: ProblemLike, **settings: Any) -> Report:
    """Grades one program; `settings` are those of `Grader`."""
    with Grader(**settings) as grader:
        return grader.grade(program, problem)
