"""Grading many samples: resumable, in bounded memory, and summed up as pass@k.

A sample is a row of a JSONL file: the id of its problem, and a program or a completion. Results
are appended to a JSONL file as they come, each with digests of what it was made from, so that an
evaluation that was stopped at any moment, even by ``kill -9``, goes on where it was.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codefeedback.errors import ProblemError, UsageError
from codefeedback.extraction import Completion, completion_text
from codefeedback.grading import Grader
from codefeedback.loading import to_native
from codefeedback.loading.documents import as_path, parse_line, read_lines
from codefeedback.loading.fields import Node, listing, show, suggestion
from codefeedback.problems import Problem
from codefeedback.results import Report, Ungraded
from codefeedback.verdicts import Verdict

#: The keys that name a sample's problem and hold its program; the first that is there counts.
ID_KEYS = ("task_id", "problem_id", "question_id", "id")
PROGRAM_KEYS = ("completion", "solution", "program", "code")

_VERDICTS = tuple(Verdict)
# What is known of a sample, in one byte: nothing, ungraded, or (from 2 on) its verdict.
_OPEN, _UNGRADED, _GRADED = 0, 1, 2
# How every row starts, so that no other file is taken for a results file.
_ROW_START = b'{"index": '
_ANEW = "choose another --out, or begin anew with --restart"


def pass_at_k(n: int, c: int, k: int) -> float:
    """The unbiased estimator of pass@k (Chen et al., arXiv 2107.03374) for one problem.

    1 - C(n-c, k) / C(n, k): the chance that k of `n` samples, of which `c` are accepted, hold an
    accepted one. Raises ValueError unless 0 <= c <= n and 1 <= k <= n.
    """
    for name, value in (("n", n), ("c", c), ("k", k)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name}: expected a whole number, got {value!r}")
    if not 0 <= c <= n:
        raise ValueError(f"{c} accepted of {n} samples")
    if not 1 <= k <= n:
        raise ValueError(f"k: expected 1 to {n} (the number of samples), got {k}")
    none_accepted = 1.0
    for i in range(min(c, k)):
        # The quotient of the binomials is symmetric in c and k.
        none_accepted *= max(0, n - max(c, k) - i) / (n - i)
    return 1.0 - none_accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One program of a model, or an answer with one in it.

    `is_completion`: it continues its problem's prompt. `truncated`: the model hit its length limit.
    """

    index: int
    line: int
    problem_id: str
    text: str
    is_completion: bool
    truncated: bool = False

    @property
    def digest(self) -> str:
        kind = "completion" if self.is_completion else "program"
        kind = f"truncated {kind}" if self.truncated else kind
        data = f"{kind}\n{self.text}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(data).hexdigest()

    def program(self, policy: str | None) -> Completion:
        """What to grade; `policy` says how the program is found in it, if not by its kind."""
        policy = policy or ("prompt+completion" if self.is_completion else "whole-text")
        return Completion(text=self.text, policy=policy, truncated=self.truncated)


class Samples:
    """A samples file, read once and found good: ProblemError names the first line that is not.

    Programs are not kept: `read` reads the file again.
    """

    def __init__(self, path: str | os.PathLike[str], *, limit: int | None = None) -> None:
        self._path = _regular_file(path)
        self.name = os.fspath(path)
        self._limit = limit
        #: the ids of problems in the order they first occur, each with its number and line
        self.problem_ids: dict[str, tuple[int, int]] = {}
        self._problem_of = array("L")
        self._digests = array("Q")
        for sample in self._rows():
            entry = (len(self.problem_ids), sample.line)
            self._problem_of.append(self.problem_ids.setdefault(sample.problem_id, entry)[0])
            self._digests.append(_short(sample.digest))
        if not self._digests:
            raise ProblemError("the file is empty", source=self.name)

    def __len__(self) -> int:
        return len(self._digests)

    @property
    def is_limited(self) -> bool:
        """Whether a limit kept rows of the file from being read."""
        return len(self) == self._limit

    def problem_number(self, index: int) -> int:
        """Which problem a sample answers, as its place in `problem_ids`."""
        return self._problem_of[index]

    def is_sample(self, index: int, digest: object) -> bool:
        """Whether `digest` is that of the sample at `index`."""
        try:
            return self._digests[index] == _short(str(digest))
        except ValueError:
            return False

    def read(self, wanted: Callable[[int], bool]) -> Iterator[Sample]:
        """The samples whose index is wanted, from the file."""
        count = 0
        for count, sample in enumerate(self._rows(), 1):
            if count > len(self) or self._digests[sample.index] != _short(sample.digest):
                raise ProblemError("the file changed while it was read", source=self.name)
            if wanted(sample.index):
                yield sample
        if count < len(self):
            raise ProblemError("the file became shorter while it was read", source=self.name)

    def _rows(self) -> Iterator[Sample]:
        try:
            for index, (number, line) in enumerate(islice(read_lines(self._path), self._limit)):
                try:
                    yield _sample(Node(parse_line(line)), index, number)
                except ProblemError as error:
                    raise error.at(f"{self.name}:{number}") from None
        except ProblemError as error:
            raise (error if error.source else error.at(self.name)) from None


def _sample(row: Node, index: int, line: int) -> Sample:
    row.object()
    name = row.first(*ID_KEYS)
    if name is None:
        raise row.error(f"no problem is named; one of these keys must be: {listing(ID_KEYS)}")
    if isinstance(name.value, bool) or not isinstance(name.value, (str, int)):
        raise name.expected("a string")
    programs = [key for key in PROGRAM_KEYS if row.member(key).value is not None]
    if len(programs) != 1:
        found = f"{listing(programs)} are all there" if programs else "there is no program"
        raise row.error(f"{found}; exactly one of these keys must be: {listing(PROGRAM_KEYS)}")
    truncated = row.member("truncated")
    if truncated.value is not None and not isinstance(truncated.value, bool):
        raise truncated.expected("true or false")
    return Sample(
        index=index,
        line=line,
        problem_id=str(name.value),
        text=_text(row.member(programs[0])),
        is_completion=programs[0] == "completion",
        truncated=bool(truncated.value),
    )


def _text(given: Node) -> str:
    """A text, or what the assistant says last in a list of messages."""
    if not isinstance(given.value, list):
        return given.text()
    try:
        return completion_text(given.value)
    except UsageError as error:
        raise given.error(str(error)) from None


def _short(digest: str) -> int:
    """The first 64 bits of a digest: enough to notice that one sample is not another."""
    return int(digest[:16], 16)


def _regular_file(path: str | os.PathLike[str]) -> Path:
    found = as_path(path)
    if not found.is_file():
        # It is read twice: once to find every mistake in it, once to grade.
        raise ProblemError("must be a regular file", source=os.fspath(path))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Problems:
    """The problems that samples answer, by id; `unused` counts those that no sample answers."""

    by_id: Mapping[str, Problem]
    digests: Mapping[str, str]
    unused: int

    @classmethod
    def select(cls, problems: Iterable[Problem], samples: Samples) -> Problems:
        """Raises ProblemError where a sample names a problem that is not there."""
        chosen: dict[str, Problem] = {}
        others: list[str] = []
        for problem in problems:
            if problem.id in samples.problem_ids:
                chosen[problem.id] = problem
            else:
                others.append(problem.id)
        unknown = [name for name in samples.problem_ids if name not in chosen]
        if unknown:
            first = unknown[0]
            near = suggestion(first, [*chosen, *others])
            more = f"; nor are {listing(unknown[1:], 4)}" if unknown[1:] else ""
            reason = f"{show(first)} is not the id of any problem{near}{more}"
            line = samples.problem_ids[first][1]
            raise ProblemError(reason, source=f"{samples.name}:{line}")
        digests = {name: _problem_digest(problem) for name, problem in chosen.items()}
        return cls(by_id=chosen, digests=digests, unused=len(others))


def _problem_digest(problem: Problem) -> str:
    text = json.dumps(to_native(problem), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class ResultsFile:
    """Result rows, one JSON object a line, appended as they come. Locked while it is open.

    Raises UsageError if the file is in use, or holds anything but results.
    """

    def __init__(self, path: str | os.PathLike[str], *, restart: bool = False) -> None:
        self.name = os.fspath(path)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o666)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"{self.name}: cannot be written: {reason}") from None
        try:
            self._claim(restart)
        except BaseException:
            self.close()
            raise

    def _claim(self, restart: bool) -> None:
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise UsageError(f"{self.name}: results go to a regular file, which can be continued")
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{self.name}: another evaluation is writing to this file; wait for it, or choose "
                "another --out"
            ) from None
        if not _may_be_row(os.pread(self._fd, len(_ROW_START), 0)):
            raise UsageError(f"{self.name}: not a results file; choose another --out")
        if restart:
            os.ftruncate(self._fd, 0)

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The rows with their line numbers. Afterwards a last row that is not whole is cut off.

        Raises ProblemError at a line that is no result.
        """
        with open(self._fd, "rb", closefd=False) as file:
            file.seek(0)
            end = 0
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n") and _may_be_row(line[: len(_ROW_START)]):
                    # The process was killed while it wrote this row.
                    os.ftruncate(self._fd, end)
                    return
                end += len(line)
                yield number, self._row(number, line)

    def _row(self, number: int, line: bytes) -> dict[str, Any]:
        place = f"{self.name}:{number}"
        try:
            row = parse_line(line)
        except ProblemError as error:
            raise ProblemError(f"not a result ({error.reason}); {_ANEW}", source=place) from None
        if not isinstance(row, dict) or not isinstance(row.get("index"), int) or row["index"] < 0:
            raise ProblemError(f"not a result; {_ANEW}", source=place)
        return row

    def append(self, row: Mapping[str, Any]) -> None:
        """Writes one row in one piece."""
        data = memoryview(json.dumps(row).encode() + b"\n")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.name) from None

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _may_be_row(start: bytes) -> bool:
    """Whether a file or a line that starts so can be of ours (a crash may leave NUL bytes)."""
    return start == _ROW_START[: len(start)] or not start.strip(b"\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class PassAtK:
    """pass@k over the problems that have at least k graded samples; None where none has."""

    k: int
    value: float | None
    problems: int
    too_few: int  #: problems left out because they have fewer samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What an evaluation found out. `open` samples were not reached yet."""

    samples: int
    graded: int
    ungraded: int
    open: int
    problems: int
    problems_without_samples: int
    verdicts: Mapping[str, int]
    pass_at_k: tuple[PassAtK, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Evaluation:
    """Samples, their problems, and what is known of each sample so far.

    `settings` are all that could change a result beside the two, as plain JSON values: results
    that were made with others are never mixed in. Of them, ``extract`` says how programs are found
    in samples.
    """

    def __init__(self, samples: Samples, problems: Problems, settings: Mapping[str, Any]) -> None:
        self._samples = samples
        self._problems = problems
        self._settings = dict(settings)
        self._known = bytearray(len(samples))

    @property
    def total(self) -> int:
        return len(self._known)

    @property
    def graded(self) -> int:
        """How many samples have a result that will not be made again."""
        return self.total - self._known.count(_OPEN) - self._known.count(_UNGRADED)

    def resume(self, results: ResultsFile) -> None:
        """Takes over the results that are there; for each sample the last one counts.

        Raises UsageError if one was made from another sample or problem, or with other settings.
        """
        for number, row in results.rows():
            difference = self._difference(row)
            if difference:
                raise UsageError(f"{results.name}:{number}: {difference}; {_ANEW}")
            if row["index"] < self.total:
                self._known[row["index"]] = _knowledge(row)

    def _difference(self, row: Mapping[str, Any]) -> str:
        """Why this row is no result of this evaluation; empty if it is one."""
        index, name = row["index"], row.get("task_id")
        if row.get("settings") != self._settings:
            return f"made with other settings ({_changes(row.get('settings'), self._settings)})"
        if index >= self.total:
            # With a limit, rows beyond it belong to a longer run of the same samples.
            return "" if self._samples.is_limited else f"there is no sample {index}"
        if not self._samples.is_sample(index, row.get("sample_sha256")):
            return f"made from another sample than {self._samples.name} has at index {index}"
        if self._problems.digests.get(str(name)) != row.get("problem_sha256"):
            return f"the problem {show(name)} was another when this result was made"
        return "" if _knowledge(row) else "neither a verdict nor a reason for having none"

    def run(self, grader: Grader, results: ResultsFile) -> Iterator[Report | Ungraded]:
        """Grades what has no result yet, and yields each result when it is in the file."""
        under_way: dict[int, Sample] = {}

        policy = self._settings.get("extract")

        def pairs() -> Iterator[tuple[Completion, Problem]]:
            todo = self._samples.read(lambda index: self._known[index] < _GRADED)
            for number, sample in enumerate(todo):
                problem = self._problems.by_id[sample.problem_id]
                under_way[number] = sample
                yield sample.program(policy), problem

        for number, result in grader.grade_indexed(pairs()):
            sample = under_way.pop(number)
            row = self._row(sample, result)
            results.append(row)
            self._known[sample.index] = _knowledge(row)
            yield result

    def _row(self, sample: Sample, result: Report | Ungraded) -> dict[str, Any]:
        return {
            "index": sample.index,
            "task_id": sample.problem_id,
            "sample_sha256": sample.digest,
            "problem_sha256": self._problems.digests[sample.problem_id],
            "settings": self._settings,
            **result.to_dict(),
        }

    def summary(self, ks: Sequence[int]) -> Summary:
        """pass@k for each of `ks`, and the mix of verdicts, over what is graded."""
        graded = array("L", bytes(array("L").itemsize * len(self._problems.by_id)))
        accepted = array("L", graded)
        for index, known in enumerate(self._known):
            if known >= _GRADED:
                number = self._samples.problem_number(index)
                graded[number] += 1
                accepted[number] += _VERDICTS[known - _GRADED] is Verdict.AC
        mix = Counter(self._known)
        return Summary(
            samples=self.total,
            graded=self.graded,
            ungraded=mix[_UNGRADED],
            open=mix[_OPEN],
            problems=len(self._problems.by_id),
            problems_without_samples=self._problems.unused,
            verdicts={
                verdict.value: mix[_GRADED + number] for number, verdict in enumerate(_VERDICTS)
            },
            pass_at_k=tuple(_mean_pass_at_k(graded, accepted, k) for k in ks),
        )


def _knowledge(row: Mapping[str, Any]) -> int:
    if row.get("ungraded") is not None:
        return _UNGRADED
    verdict = row.get("verdict")
    return _GRADED + _VERDICTS.index(verdict) if verdict in _VERDICTS else _OPEN


def _changes(old: object, new: Mapping[str, Any]) -> str:
    if not isinstance(old, dict):
        return "it does not say which"
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return ", ".join(
        f"{name} {show(old.get(name))} then, {show(new.get(name))} now" for name in names
    )


def _mean_pass_at_k(graded: Sequence[int], accepted: Sequence[int], k: int) -> PassAtK:
    values = [pass_at_k(n, c, k) for n, c in zip(graded, accepted, strict=True) if n >= k]
    return PassAtK(
        k=k,
        value=sum(values) / len(values) if values else None,
        problems=len(values),
        too_few=len(graded) - len(values),
    )
