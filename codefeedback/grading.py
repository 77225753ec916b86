"""Grading: one program or many, now or over workers, whole programs or completions."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Lock
from types import TracebackType
from typing import Any, Self

from codefeedback import forks
from codefeedback.analysis import static
from codefeedback.analysis.blame import checked_formula
from codefeedback.analysis.extents import checked_granularity
from codefeedback.analysis.inspecting import FOLDER, MODULES, Inspector
from codefeedback.assessment import Assessment, Settings, checked_limits
from codefeedback.checking.judging import failure
from codefeedback.checking.policies import policy as policy_named
from codefeedback.errors import ProblemError, RunLostError, UsageError, WeakSandboxError
from codefeedback.extraction import Completion, checked_policy
from codefeedback.extraction import extract as extract_program
from codefeedback.findings import Finding
from codefeedback.loading import load_problem
from codefeedback.problems import CallCase, Case, Limits, Problem
from codefeedback.results import Report, Ungraded
from codefeedback.sandbox.choose import choose, choose_here
from codefeedback.sandbox.commands import command_for
from codefeedback.sandbox.guests import GuestSandbox
from codefeedback.sandbox.interface import NO_VALUE, Sandbox
from codefeedback.spans import Source

Program = str | bytes | Source | Completion
ProblemLike = Problem | str | os.PathLike[str] | Mapping[str, Any] | list[Any]

# Problems whose answers a reference program gave; a batch has many programs per problem.
_RESOLVED_KEPT = 64


class Grader:
    """Grades programs. Use it as a context manager: leaving it ends everything that still runs.

    workers           how many programs `grade_many` and `agrade` grade at one time
    limits            a mapping overrides single limits of every problem; `Limits` replaces all
    policy            overrides the policy of every problem
    sandbox           a name (``auto``, ``local``, ``docker``, ``portable``) or a sandbox
    image             the image of the docker sandbox (default: what ``codefeedback sandbox build``
                      makes); its interpreter and its packages are there for programs
    python            the interpreter that runs the programs (default: this one)
    site_packages     let programs import what is installed beside `python`
    preload           modules (numpy) that every program finds imported already, for speed
    reuse             run the cases of a program in one process, and again by itself what fails
                      there: faster, but a case can pass because of what others left behind
    allow_weak_sandbox  grade also where programs can read this machine's files, answers included
    fail_fast         stop at the first case that is not accepted; the report says what was skipped
    compare_policies  names of policies to judge the same runs by as well
    extract           programs that are plain texts are completions of a model, in which the
                      program is found by this policy (docs/extraction.md)
    granularity       how much around a place is blamed: expression, line, statement or block
    analysis          whose text pyflakes and libcst look at: never, failing or always; what they
                      find changes neither verdict nor scores
    blame             find the lines that wrong answers come from, by ochiai, dstar or tarantula:
                      runs the cases of such a program once more
    coverage          tell which lines each case runs: runs every case once more

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
        image: str | None = None,
        python: str | os.PathLike[str] | None = None,
        site_packages: bool = False,
        preload: Sequence[str] = (),
        reuse: bool = False,
        allow_weak_sandbox: bool = False,
        fail_fast: bool = False,
        compare_policies: Sequence[str] = (),
        extract: str | None = None,
        granularity: str = "line",
        analysis: str = "never",
        blame: str | None = None,
        coverage: bool = False,
    ) -> None:
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            raise UsageError(f"workers: expected a whole number from 1 on, got {workers!r}")
        flags = {"site_packages": site_packages, "reuse": reuse, "fail_fast": fail_fast}
        flags |= {"coverage": coverage, "allow_weak_sandbox": allow_weak_sandbox}
        for name, flag in flags.items():
            _check_flag(name, flag)
        _check_names("preload", preload)
        _check_names("compare_policies", compare_policies)
        checked_limits({}, limits)
        if policy is not None:
            _check_names("policy", [policy])
            policy_named(policy)
        if image is not None:
            _check_names("image", [image])
        self._workers = workers
        self._extract = None if extract is None else checked_policy(extract)
        like = sandbox if isinstance(sandbox, str) else "auto"
        self._settings = Settings(
            sandbox=_sandbox(sandbox, image, python, site_packages, preload, workers),
            inspector=Inspector(lambda: inspection_sandbox(like, workers)),
            limits=limits,
            policy=policy,
            compared=tuple(policy_named(name) for name in compare_policies),
            reuse=reuse,
            fail_fast=fail_fast,
            granularity=checked_granularity(granularity),
            analysis=static.checked_when(analysis),
            blame=None if blame is None else checked_formula(blame),
            coverage=coverage,
        )
        if not allow_weak_sandbox:
            _refuse_weak(self.sandbox)
        self._pool: ThreadPoolExecutor | None = None
        self._lock = Lock()
        forks.notify(self)
        self._resolved: OrderedDict[int, tuple[Problem, Problem]] = OrderedDict()

    @property
    def sandbox(self) -> Sandbox:
        """What the programs run in."""
        return self._settings.sandbox

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
        self._settings.inspector.close()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def forked(self) -> None:
        """In a fork: the threads are the parent's."""
        self._pool = None
        self._lock = Lock()

    def grade(self, program: Program, problem: ProblemLike, *, truncated: bool = False) -> Report:
        """Grades one program, or the program in a `Completion`.

        `truncated` says that the text was cut off at its end, as by a length limit: a compiler
        error there blames the whole program.

        Raises SandboxError when we failed and nothing can be said of the program, ProblemError
        when the problem is malformed, UsageError for a completion that is none.
        """
        problem = problem if isinstance(problem, Problem) else load_problem(problem)
        given = self._completion(program, truncated)
        if isinstance(given, Completion):
            text, extraction = extract_program(given.text, given.policy, prompt=problem.prompt)
            source, truncated = source_of(text, given.name), given.truncated
        else:
            source, extraction = given, None
        problem = self._with_answers(problem)
        return Assessment(self._settings, source, problem, extraction, truncated).report()

    def _completion(self, program: Any, truncated: Any) -> Completion | Source:
        """A program as its source, or as the completion that it is in."""
        _check_flag("truncated", truncated)
        if isinstance(program, Completion):
            return replace(program, truncated=program.truncated or truncated)
        if self._extract is None:
            return source_of(program)
        if isinstance(program, (list, tuple)):  # chat messages
            return Completion(text=program, policy=self._extract, truncated=truncated)
        source = source_of(program)
        return Completion(
            text=source.text, policy=self._extract, truncated=truncated, name=source.name
        )

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
        begun_in = os.getpid()
        try:
            while True:
                if running and os.getpid() != begun_in:
                    raise RunLostError("a batch goes on only in the process that began it")
                while not exhausted and len(running) < 2 * self._workers:
                    if spread and running and self._submitted(running) >= spread:
                        break
                    item = next(pairs, None)
                    if item is None:
                        exhausted = True
                        break
                    index, pair = item
                    running[self._submit(pair)] = index
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda future: running[future]):
                    yield running.pop(future), future.result()
        finally:
            for future in running if os.getpid() == begun_in else ():
                future.cancel()

    @staticmethod
    def _submitted(running: Mapping[Future[Report | Ungraded], int]) -> int:
        return max(running.values()) - min(running.values()) + 1

    async def agrade(
        self, program: Program, problem: ProblemLike, *, truncated: bool = False
    ) -> Report:
        """`grade`, awaited: runs on the workers, and raises what `grade` raises."""
        import asyncio  # takes as long to import as all the rest

        future = self._executor().submit(self.grade, program, problem, truncated=truncated)
        return await asyncio.wrap_future(future)

    def _submit(self, pair: tuple[Program, ProblemLike]) -> Future[Report | Ungraded]:
        try:
            return self._executor().submit(self._grade_or_say_why, pair)
        except RuntimeError:
            raise RunLostError("the grader is closed, or the interpreter is ending") from None

    def _grade_or_say_why(self, pair: Any) -> Report | Ungraded:
        try:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise UsageError(f"expected (program, problem), got {pair!r:.80}")
            return self.grade(*pair)
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
            command_for(case, problem, reference), self._settings.limits_for(problem)
        )
        failed = failure(execution)
        if failed is not None or execution.value is NO_VALUE:
            why = failed[1] if failed else execution.ending
            raise ProblemError(f"the reference program fails: {why}", where=case.name)
        return replace(case, accepted=(execution.value,))


def source_of(program: Any, name: str = "solution.py") -> Source:
    """A program as a source. Raises UsageError for what is none."""
    if isinstance(program, Source):
        return program
    try:
        return Source(program, name)
    except (TypeError, ValueError) as error:
        hint = ""
        if isinstance(program, (list, tuple)):
            hint = "; for chat messages give extract=, or hand in a codefeedback.Completion"
        raise UsageError(f"{error}{hint}") from None


def _refuse_weak(sandbox: Sandbox) -> None:
    if not sandbox.hides_files:
        raise WeakSandboxError(
            f"the {sandbox.name} sandbox cannot hide this machine's files (answers included) from "
            "programs here: see `codefeedback doctor`, or allow it with allow_weak_sandbox=True "
            "(--allow-weak-sandbox)"
        )


def _sandbox(
    sandbox: Sandbox | str,
    image: str | None,
    python: str | os.PathLike[str] | None,
    site_packages: bool,
    preload: Sequence[str],
    workers: int,
) -> Sandbox:
    if isinstance(sandbox, str):
        return choose(
            sandbox,
            python=None if python is None else os.fspath(python),
            site_packages=site_packages,
            preload=preload,
            image=image,
            workers=workers,
        )
    if python is not None or site_packages or preload or image is not None:
        raise UsageError(
            "image, python, site_packages and preload are settings of the sandbox: set them there"
        )
    if not isinstance(sandbox, Sandbox):
        raise UsageError(f"sandbox: expected a name or a Sandbox, got {sandbox!r}")
    return sandbox


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise UsageError(f"{name}: expected True or False, got {value!r}")


def _check_names(name: str, values: object) -> None:
    """A text would pass for a list of its characters."""
    items = list(values) if isinstance(values, Iterable) else [None]
    if isinstance(values, str) or not all(isinstance(item, str) for item in items):
        raise UsageError(f"{name}: expected names, got {values!r}")


def inspection_sandbox(name: str, workers: int = 1) -> GuestSandbox:
    """A sandbox like the one of this name, in which texts are looked at. None of them is run, so
    it is on this machine, where the parsers are, also when programs run in containers."""
    name = "auto" if name == "docker" else name
    return choose_here(name, site_packages=True, paths=[FOLDER], preload=MODULES, workers=workers)


def grade(
    program: Program, problem: ProblemLike, *, truncated: bool = False, **settings: Any
) -> Report:
    """Grades one program; `settings` are those of `Grader`."""
    with Grader(**settings) as grader:
        return grader.grade(program, problem, truncated=truncated)


def analyse(
    program: str | bytes | Source,
    *,
    granularity: str = "line",
    truncated: bool = False,
    sandbox: str = "auto",
) -> tuple[Finding, ...]:
    """What can be said of a program without running it: the compiler's error if there is one, and
    what pyflakes and libcst find. The compiler is this interpreter's; it runs in a sandbox.

    Raises UsageError and SandboxUnavailableError as `Grader` does.
    """
    _check_flag("truncated", truncated)
    source = source_of(program)
    inspector = Inspector(lambda: inspection_sandbox(sandbox))
    try:
        return static.all_findings(
            source, checked_granularity(granularity), lambda: inspector.inspect(source), truncated
        )
    finally:
        inspector.close()
