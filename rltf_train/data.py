"""Problems as the trainer needs them: a prompt to sample from, tests to grade by, solutions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import codefeedback as cf
from rltf_train.errors import TrainError

TEMPLATES = Path(__file__).parent / "templates"

# The keys of public formats for what a problem asks, and for programs that solve it.
_QUESTION_KEYS = (
    "question", "text", "prompt", "question_content", "description", "content", "problem",
)  # fmt: skip
_SOLUTION_KEYS = ("solutions", "solution", "canonical_solution", "code", "completion")
_APPS_FILES = {"question": "question.txt", "starter_code": "starter_code.py",
               "input_output": "input_output.json", "solutions": "solutions.json"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One problem. `problem` is None where there are no tests (solutions to imitate only)."""

    id: str
    fields: Mapping[str, str]
    solutions: tuple[str, ...]
    problem: cf.Problem | None


def load_tasks(path: str, *, limit: int | None = None, tests: bool = True) -> list[Task]:
    """The tasks of a JSONL file, a JSON array, an APPS folder or a folder of those.

    With `tests`, each needs tests in a format that codefeedback loads. TrainError names what is
    wrong, and where.
    """
    rows = enumerate(islice(_rows(Path(path)), limit))
    tasks = [_task(where, row, str(number), tests) for number, (where, row) in rows]
    if not tasks:
        raise TrainError(f"{path}: no problems in it")
    return tasks


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        if path.is_dir():
            apps = (path / "input_output.json").exists() or (path / "question.txt").exists()
            for folder in (
                [path] if apps else sorted(each for each in path.iterdir() if each.is_dir())
            ):
                files = {key: folder / name for key, name in _APPS_FILES.items()}
                row = {key: file.read_text("utf-8") for key, file in files.items() if file.exists()}
                yield str(folder), {"id": folder.name, **row}
        elif path.suffix == ".json":
            data = _parsed(path.read_text("utf-8"), str(path))
            for number, row in enumerate(data if isinstance(data, list) else [data]):
                yield f"{path}[{number}]", row
        else:
            with path.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        where = f"{path}:{number}"
                        yield where, _parsed(line, where)
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TrainError(f"{path}: {error}") from None


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise TrainError(f"{where}: no JSON: {error}") from None


def _task(where: str, row: Any, number: str, tests: bool) -> Task:
    if not isinstance(row, dict):
        raise TrainError(f"{where}: expected an object, got {type(row).__name__}")
    problem = None
    try:
        problem = cf.load_problem(row)
    except cf.ProblemError as error:
        if tests:
            raise TrainError(f"{where}: {error}") from None
    question = next((row[key] for key in _QUESTION_KEYS if isinstance(row.get(key), str)), None)
    if question is None:
        raise TrainError(f"{where}: no question: expected one of {', '.join(_QUESTION_KEYS)}")
    by_call = problem is not None and any(isinstance(each, cf.CallCase) for each in problem.cases)
    fields = {
        "question": question,
        "starter_code": str(row.get("starter_code") or ""),
        "answer_format": f"Use {'Call-Based' if by_call else 'Standard Input'} format",
        "prompt": problem.prompt if problem and problem.prompt else question,
        "examples": "\n".join(map(str, row.get("test_list") or ())),
    }
    name = row.get("task_id", row.get("id", row.get("question_id", row.get("name", number))))
    return Task(id=str(name), fields=fields, solutions=_solutions(row, fields), problem=problem)


def _solutions(row: Mapping[str, Any], fields: Mapping[str, str]) -> tuple[str, ...]:
    given = next((row[key] for key in _SOLUTION_KEYS if row.get(key)), ())
    if isinstance(given, str) and given.lstrip().startswith("["):
        with suppress(ValueError):  # a program that begins with a list
            given = json.loads(given)
    texts = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return tuple(text for text in texts if isinstance(text, str) and text.strip())


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt with ``{question}``, ``{starter_code}``, ``{answer_format}``, ``{prompt}`` (code
    that the answer continues) and ``{examples}`` in it. A line whose only field is empty is left
    out."""

    text: str

    @classmethod
    def named(cls, name: str) -> Template:
        """One of those that come with the trainer, or a file."""
        path = Path(name) if name.endswith(".txt") else TEMPLATES / f"{name}.txt"
        try:
            return cls(path.read_text(encoding="utf-8"))
        except OSError as error:
            known = ", ".join(sorted(each.stem for each in TEMPLATES.glob("*.txt")))
            raise TrainError(f"template {name}: {error.strerror}; known: {known}") from None

    def render(self, fields: Mapping[str, str]) -> str:
        empty = {key for key, value in fields.items() if not value.strip()}
        text = re.sub(
            r"^\{(\w+)\}\n", lambda m: "" if m[1] in empty else m[0], self.text, flags=re.M
        )
        return re.sub(r"\{(\w+)\}", lambda m: fields.get(m[1], m[0]), text)


class Prompts:
    """Tasks as token ids for one tokenizer."""

    def __init__(self, tokenizer: Any, template: Template, *, longest: int) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self._longest = longest

    def ids(self, task: Task) -> tuple[int, ...]:
        """The prompt's ids. A question that makes it too long is cut at its end."""
        fields = dict(task.fields)
        ids = self._encode(fields)
        while len(ids) > self._longest:
            key = "prompt" if "{prompt}" in self._template.text else "question"
            if not fields[key]:
                raise TrainError(f"{task.id}: model.max_prompt_tokens is too small for its prompt")
            kept = len(fields[key]) * self._longest // len(ids) - 1
            fields[key] = fields[key][: max(min(kept, len(fields[key]) - 1), 0)]
            ids = self._encode(fields)
        return tuple(ids)

    def _encode(self, fields: Mapping[str, str]) -> Sequence[int]:
        ids: Sequence[int] = self._tokenizer(self._template.render(fields)).input_ids
        return ids
