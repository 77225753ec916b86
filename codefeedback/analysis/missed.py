"""The places of a program that never ran, for masks (StepCoder's FGO, arXiv 2402.01391)."""

from __future__ import annotations

from collections.abc import Sequence

from codefeedback.analysis.inspecting import Inspection, Statement
from codefeedback.spans import CharSpan, Source


def missed(source: Source, inspection: Inspection, lines: frozenset[int]) -> tuple[CharSpan, ...]:
    """Whole lines (with their ends) whose code never ran, where `lines` are those that did.

    A statement ran if one of its lines did, those in its suite included. One without code (a
    docstring, ``global``, ``else:``) ran if what stands after it in its suite did, or its own
    suite. Comments and blank lines between statements that never ran belong to them. Where it is
    not known which lines have code, none is named.
    """
    if inspection.executable is None:
        return ()
    if not inspection.statements:
        hidden = sorted(inspection.executable - lines)
        return tuple(_whole_lines(source, line, line) for line in hidden if _exists(source, line))
    ran = _Ran(inspection.statements, inspection.executable, lines)
    return tuple(
        _whole_lines(source, first.whole.start_line, last.whole.end_line)
        for first, last in ran.missed_runs(None)
        if _has_lines_of_its_own(source, first, last)
    )


class _Ran:
    def __init__(
        self,
        statements: Sequence[Statement],
        executable: frozenset[int],
        lines: frozenset[int],
    ) -> None:
        self._executable = executable
        self._lines = lines
        self._suites: dict[int | None, list[int]] = {}
        self._statements = statements
        for index, statement in enumerate(self._statements):
            self._suites.setdefault(statement.clause, []).append(index)

    def missed_runs(self, clause: int | None) -> list[tuple[Statement, Statement]]:
        """(first, last) of each run of statements that never ran, in a suite and further in."""
        runs: list[tuple[Statement, Statement]] = []
        open_run = False
        for index, ran in zip(self._suites.get(clause, ()), self._of_suite(clause), strict=True):
            statement = self._statements[index]
            if ran:
                runs += self.missed_runs(index)
            elif open_run:
                runs[-1] = (runs[-1][0], statement)
            else:
                runs.append((statement, statement))
            open_run = not ran
        return runs

    def _of_suite(self, clause: int | None) -> list[bool]:
        """Whether each statement of a suite ran."""
        known = [self._told(index) for index in self._suites.get(clause, ())]
        following: bool | None = None
        for number in reversed(range(len(known))):
            following = known[number] if known[number] is not None else following
            known[number] = following
        # At the end of a suite, what says nothing went the way of what stands before it.
        before = True
        for number, value in enumerate(known):
            before = before if value is None else value
            known[number] = before
        return [bool(value) for value in known]

    def _told(self, index: int) -> bool | None:
        """Whether a statement ran; None if it has no code that could tell. Where there should be
        some, the compiler saw that it is never reached."""
        statement = self._statements[index]
        own, whole = statement.own, statement.whole
        if not self._lines.isdisjoint(range(own.start_line, whole.end_line + 1)):
            return True  # also where an older CPython tells nothing of the header (`while True:`)
        if not self._executable.isdisjoint(range(own.start_line, own.end_line + 1)):
            return False
        if not statement.silent:
            return False
        inner = [self._told(each) for each in self._suites.get(index, ())]
        return next((told for told in inner if told is not None), None)


def _has_lines_of_its_own(source: Source, first: Statement, last: Statement) -> bool:
    """Whether nothing else stands on the lines of a run: in ``if a: b`` the suite cannot be
    hidden without its header."""
    before = source.line_text(first.whole.start_line)[: first.whole.start_column]
    after = source.line_text(last.whole.end_line)[last.whole.end_column :]
    return not before.strip() and (not after.strip() or after.lstrip().startswith("#"))


def _exists(source: Source, line: int) -> bool:
    return 1 <= line <= source.line_count


def _whole_lines(source: Source, first: int, last: int) -> CharSpan:
    start = source.line_span(first).start
    if last < source.line_count:
        return source.span(start, source.line_span(last + 1).start)
    return source.span(start, len(source.text))
