"""Problems from files, folders and decoded JSON."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codefeedback.errors import ProblemError
from codefeedback.problems import Problem

from .documents import APPS_FILE, as_path, holds_lines, parse_line, read_json, read_lines
from .fields import Node, listing, show, suggestion
from .format import Options
from .registry import check_name, load_data, matches, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One problem's place: where it was found, and how to get at its JSON."""

    source: str
    read: Callable[[], Any]
    where: str = ""
    folder: Path = Path()
    tests_format: str | None = None  #: known from the place (an APPS folder)
    id: str = ""  #: known from the place

    def name(self) -> str:
        return self.id or row_id(self.data())

    def data(self) -> Any:
        try:
            return self.read()
        except ProblemError as error:
            raise error.at(self.source) from None

    def load(self, tests_format: str | None, allow_pickle: bool) -> Problem:
        node = Node(self.data(), self.where)
        options = Options(allow_pickle=allow_pickle, folder=self.folder)
        try:
            problem = load_data(node, tests_format or self.tests_format, options)
        except ProblemError as error:
            raise error.at(self.source) from None
        return replace(problem, id=self.id) if self.id else problem


def load_problem(
    source: str | os.PathLike[str] | Mapping[str, Any] | list[Any],
    *,
    tests_format: str | None = None,
    allow_pickle: bool = False,
    problem_id: str | None = None,
) -> Problem:
    """One problem, in any of `FORMATS`.

    `source` is decoded JSON, or a path: a JSON or JSONL file (gzipped or not) or an APPS folder.
    A string is always a path. Where there are several problems, `problem_id` selects one.
    `tests_format` names the format where its structure does not tell. `allow_pickle` permits the
    reading of LiveCodeBench's pickled tests; nothing is executed even then.

    ProblemError for everything that is wrong with it, naming the file and the field.
    """
    if tests_format is not None:
        check_name(tests_format)
    if isinstance(source, (Mapping, list)):
        name, rows = "", _rows_of(source, _Row(source="", read=lambda: source))
    else:
        path = as_path(source)
        name, rows = os.fspath(source), _rows(path, os.fspath(source), tests_format)
    row = _only(rows, name) if problem_id is None else _named(rows, name, problem_id)
    return row.load(tests_format, allow_pickle)


def _only(rows: Iterator[_Row], source: str) -> _Row:
    first = next(rows)  # there is always one: an empty file is an error
    rest = sum(1 for _ in rows)
    if rest:
        raise ProblemError(f"{rest + 1} problems: name one of them by its id", source=source)
    return first


def _named(rows: Iterator[_Row], source: str, problem_id: str) -> _Row:
    names: list[str] = []
    for index, row in enumerate(rows):
        name = row.name() or str(index)
        if name == problem_id:
            return row if row.name() else replace(row, id=name)
        names.append(name)
    hint = suggestion(problem_id, names) or f" (there are {listing(names, most=5)})"
    raise ProblemError(f"no problem {show(problem_id)}{hint}", source=source)


def load_problems(
    path: str | os.PathLike[str],
    *,
    tests_format: str | None = None,
    allow_pickle: bool = False,
) -> Iterator[Problem]:
    """The problems of a file or folder, one at a time.

    A JSONL file or a JSON array of problems in any format, each with its own or its index (from 0)
    as its id; or a folder of APPS folders. What is wrong with one problem is a ProblemError whose
    source is ``file.jsonl:12``; the iterator can be asked on for the next one.
    """
    if tests_format is not None:
        check_name(tests_format)
    name = os.fspath(path)
    return _Problems(_rows(as_path(path), name, tests_format), tests_format, allow_pickle)


class _Problems(Iterator[Problem]):
    """An iterator that outlives its errors (a generator would end with the first one)."""

    def __init__(self, rows: Iterator[_Row], tests_format: str | None, allow_pickle: bool) -> None:
        self._rows = enumerate(rows)
        self._tests_format = tests_format
        self._allow_pickle = allow_pickle
        self._places: dict[str, str] = {}

    def __next__(self) -> Problem:
        index, row = next(self._rows)
        problem = row.load(self._tests_format, self._allow_pickle)
        if not problem.id:
            problem = replace(problem, id=str(index))
        place = row.where or row.source
        first = self._places.setdefault(problem.id, place)
        if first != place:
            reason = f"the id {show(problem.id)} is also that of {first}"
            raise ProblemError(reason, where=row.where, source=row.source)
        return problem


def _rows(path: Path, name: str, tests_format: str | None) -> Iterator[_Row]:
    """The problems of a file or folder, not yet loaded. `name` is the path as it was given."""
    if path.is_dir():
        yield from _folder_rows(path, name)
    elif holds_lines(path):
        yield from _line_rows(path, name)
    else:
        row = _Row(source=name, read=lambda: read_json(path), folder=path.parent)
        if path.name == APPS_FILE and tests_format is None:
            row = replace(row, tests_format="apps", id=path.absolute().parent.name)
        data = row.data()
        yield from _rows_of(data, replace(row, read=lambda: data))


def _line_rows(path: Path, name: str) -> Iterator[_Row]:
    number = 0
    try:
        for number, line in read_lines(path):
            yield _Row(
                source=f"{name}:{number}",
                read=lambda line=line: parse_line(line),  # type: ignore[misc]
                folder=path.parent,
            )
    except ProblemError as error:
        raise error.at(name) from None
    if not number:
        raise ProblemError("the file is empty", source=name)


def _rows_of(data: Any, whole: _Row) -> Iterator[_Row]:
    """A document as one problem; or, where it is an array of problems, as those."""
    if isinstance(data, Mapping) and not isinstance(data, dict):
        data = dict(data)
    if not isinstance(data, list) or not _is_array_of_problems(data):
        yield replace(whole, read=lambda: data)
        return
    for index, item in enumerate(data):
        yield replace(whole, where=f"[{index}]", read=lambda item=item: item)  # type: ignore[misc]


def _is_array_of_problems(data: list[Any]) -> bool:
    """Whether an array holds problems. Some formats are arrays of tests themselves."""
    if matches(data):
        return False
    return any(isinstance(item, dict) and matches(item) for item in data)


def _folder_rows(path: Path, name: str) -> Iterator[_Row]:
    """An APPS folder, or the APPS folders in a folder in the order of their names."""
    if (path / APPS_FILE).is_file():
        yield _apps_row(path, name)
        return
    try:
        folders = [item for item in sorted(path.iterdir()) if (item / APPS_FILE).is_file()]
    except OSError as error:
        raise ProblemError(f"cannot be read: {error.strerror}", source=name) from None
    if not folders:
        raise ProblemError(f"a folder without {APPS_FILE}", source=name)
    for folder in folders:
        yield _apps_row(folder, os.path.join(name, folder.name))  # noqa: PTH118


def _apps_row(folder: Path, name: str) -> _Row:
    return _Row(
        source=os.path.join(name, APPS_FILE),  # noqa: PTH118  # keeps the path as it was given
        read=lambda: read_json(folder / APPS_FILE),
        folder=folder,
        tests_format="apps",
        id=folder.absolute().name,
    )
