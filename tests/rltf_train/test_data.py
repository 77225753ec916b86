"""Problems from every source as prompts, tests and solutions, and what is said of bad ones."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import codefeedback as cf
from rltf_train.data import TEMPLATES, Prompts, Task, Template, load_tasks
from rltf_train.errors import TrainError

DATA = os.environ.get("CODEFEEDBACK_DATA")
real = pytest.mark.skipif(not DATA, reason="CODEFEEDBACK_DATA names no folder of problems")

STDIN = {
    "question": "Print the double of n.",
    "input_output": {"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]},
    "solutions": ["print(int(input()) * 2)\n", "n = int(input())\nprint(n + n)\n"],
}
CALL = {
    "question": "Return the double of n.",
    "starter_code": "class Solution:\n    def double(self, n):\n",
    "input_output": {"fn_name": "double", "inputs": [[1]], "outputs": [2]},
    "solutions": ["class Solution:\n    def double(self, n):\n        return n * 2\n"],
}
MBPP = {
    "task_id": 2,
    "text": "Write a function to double a number.",
    "code": "def double(n):\n    return n * 2\n",
    "test_list": ["assert double(1) == 2", "assert double(4) == 8"],
    "test_setup_code": "",
}
HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def double(n):\n    """The double of n."""\n',
    "entry_point": "double",
    "canonical_solution": "    return n * 2\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
}
NATIVE = {
    "id": "d",
    "prompt": "n = int(input())\n",
    "cases": [{"stdin": "1", "expected_stdout": "2"}],
}


def apps_folder(folder: Path, row: Mapping[str, Any]) -> Path:
    """A problem as APPS has it: a file for each field."""
    folder.mkdir(parents=True)
    (folder / "question.txt").write_text(row["question"])
    (folder / "input_output.json").write_text(json.dumps(row["input_output"]))
    (folder / "solutions.json").write_text(json.dumps(row["solutions"]))
    if "starter_code" in row:
        (folder / "starter_code.py").write_text(row["starter_code"])
    (folder / "metadata.json").write_text('{"difficulty": "interview"}')
    return folder


def lines(path: Path, *rows: object) -> str:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def text_of(task: Task, template: str = "apps") -> str:
    return Template.named(template).render(task.fields)


def passes(task: Task, program: str) -> bool:
    assert task.problem is not None
    report = cf.grade(task.problem.prompt + program, task.problem)
    assert isinstance(report, cf.Report)
    return report.verdict is cf.Verdict.AC


# --- sources -------------------------------------------------------------------------------------


def check_stdin(task: Task) -> None:
    assert task.solutions == tuple(STDIN["solutions"])
    assert task.problem is not None
    assert len(task.problem.cases) == 2
    assert text_of(task) == (
        "QUESTION:\nPrint the double of n.\nUse Standard Input format\nANSWER:\n"
    )


def check_call(task: Task) -> None:
    assert task.solutions == tuple(CALL["solutions"])
    assert text_of(task) == (
        "QUESTION:\nReturn the double of n.\n"
        "class Solution:\n    def double(self, n):\n\n"
        "Use Call-Based format\nANSWER:\n"
    )


def test_an_apps_folder(tmp_path: Path) -> None:
    (task,) = load_tasks(str(apps_folder(tmp_path / "0007", STDIN)))
    assert task.id == "0007"
    check_stdin(task)


def test_a_folder_of_apps_folders(tmp_path: Path) -> None:
    apps_folder(tmp_path / "0002", CALL)
    apps_folder(tmp_path / "0001", STDIN)
    (tmp_path / "README").write_text("not a problem")
    first, second = load_tasks(str(tmp_path))
    assert (first.id, second.id) == ("0001", "0002")
    check_stdin(first)
    check_call(second)
    assert [task.id for task in load_tasks(str(tmp_path), limit=1)] == ["0001"]


def test_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text(f"{json.dumps(STDIN)}\n\n  \n{json.dumps(CALL)}\n")
    first, second = load_tasks(str(file))
    assert (first.id, second.id) == ("0", "1")
    check_stdin(first)
    check_call(second)
    assert len(load_tasks(str(file), limit=1)) == 1
    assert len(load_tasks(str(file), limit=9)) == 2


@pytest.mark.parametrize("many", [True, False])
def test_a_json_file(tmp_path: Path, many: bool) -> None:
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps([STDIN] if many else STDIN, indent=1))
    (task,) = load_tasks(str(file))
    check_stdin(task)


def test_fields_that_are_json_themselves(tmp_path: Path) -> None:
    """As on the hub, where APPS has them as texts."""
    row = {
        **STDIN,
        "input_output": json.dumps(STDIN["input_output"]),
        "solutions": json.dumps(STDIN["solutions"]),
    }
    (task,) = load_tasks(lines(tmp_path / "tasks.jsonl", row))
    check_stdin(task)


def test_mbpp(tmp_path: Path) -> None:
    (task,) = load_tasks(lines(tmp_path / "mbpp.jsonl", MBPP))
    assert (task.id, task.solutions) == ("2", (MBPP["code"],))
    assert text_of(task, "mbpp") == (
        "QUESTION:\nWrite a function to double a number.\n"
        "assert double(1) == 2\nassert double(4) == 8\nANSWER:\n"
    )
    assert passes(task, task.solutions[0])
    assert not passes(task, "def double(n):\n    return 2\n")


def test_humaneval(tmp_path: Path) -> None:
    (task,) = load_tasks(lines(tmp_path / "humaneval.jsonl", HUMANEVAL))
    assert (task.id, task.solutions) == ("HumanEval/0", (HUMANEVAL["canonical_solution"],))
    assert text_of(task, "humaneval") == HUMANEVAL["prompt"]
    assert passes(task, task.solutions[0])
    assert not passes(task, "    return 3\n")


def test_our_own_format(tmp_path: Path) -> None:
    (task,) = load_tasks(lines(tmp_path / "tasks.jsonl", NATIVE))
    assert (task.id, task.solutions) == ("d", ())
    assert text_of(task, "humaneval") == NATIVE["prompt"]
    assert passes(task, "print(n * 2)\n")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("print(1)\n", ("print(1)\n",)),
        (["print(1)\n", "", "  \n", 3, None, "print(2)\n"], ("print(1)\n", "print(2)\n")),
        ('["print(1)", "print(2)"]', ("print(1)", "print(2)")),
        ("[print(n) for n in range(3)]\n", ("[print(n) for n in range(3)]\n",)),
        ("", ()),
        ([], ()),
        (None, ()),
        ({"python": "print(1)"}, ()),
    ],
)
def test_solutions(tmp_path: Path, given: object, expected: tuple[str, ...]) -> None:
    (task,) = load_tasks(lines(tmp_path / "tasks.jsonl", {**STDIN, "solutions": given}))
    assert task.solutions == expected


# --- solutions to imitate ------------------------------------------------------------------------


def test_to_imitate_no_tests_are_needed(tmp_path: Path) -> None:
    row = {"question": "Say hello.", "solution": "print('hello')\n"}
    (task,) = load_tasks(lines(tmp_path / "sft.jsonl", row), tests=False)
    assert (task.problem, task.solutions) == (None, ("print('hello')\n",))
    assert text_of(task) == "QUESTION:\nSay hello.\nUse Standard Input format\nANSWER:\n"


@pytest.mark.parametrize("row", [STDIN, CALL, MBPP, HUMANEVAL], ids=["stdin", "call", "mbpp", "he"])
def test_what_is_imitated_has_the_prompt_that_is_practised_with(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    path = lines(tmp_path / "tasks.jsonl", row)
    (practised,), (imitated,) = load_tasks(path), load_tasks(path, tests=False)
    assert imitated.fields == practised.fields
    assert imitated.solutions == practised.solutions


# --- mistakes ------------------------------------------------------------------------------------


def refused(path: Path | str, *, tests: bool = True) -> str:
    with pytest.raises(TrainError) as caught:
        load_tasks(str(path), tests=tests)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"question": ', "no JSON: "),
        ("{'question': 1}", "no JSON: "),
        ("[1]", "expected an object, got list"),
        ('"text"', "expected an object, got str"),
        ('{"question": "Why?"}', "the format is not recognised"),
        (json.dumps({**STDIN, "input_output": {"inputs": ["1"], "outputs": []}}), "input_output"),
        (json.dumps({**STDIN, "question": None}), "no question: expected one of question, text,"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text(f"{json.dumps(STDIN)}\n\n{line}\n{json.dumps(CALL)}\n")
    told = refused(file)
    assert told.startswith(f"{file}:3: ")
    assert expected in told
    assert len(load_tasks(str(file), limit=1)) == 1  # it is not reached


def test_a_bad_row_of_an_array_is_named(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps([STDIN, 7]))
    assert refused(file) == f"{file}[1]: expected an object, got int"
    file.write_text("[1,")
    assert refused(file).startswith(f"{file}: no JSON: ")


def test_a_bad_folder_is_named(tmp_path: Path) -> None:
    apps_folder(tmp_path / "0001", STDIN)
    bad = apps_folder(tmp_path / "0002", STDIN)
    (bad / "input_output.json").write_text("[")
    assert refused(tmp_path).startswith(f"{bad}: ")
    (bad / "input_output.json").unlink()
    assert refused(tmp_path).startswith(f"{bad}: ")


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_nothing_in_it(tmp_path: Path, content: str) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text(content)
    assert refused(file) == f"{file}: no problems in it"
    assert refused(tmp_path) == f"{tmp_path}: no problems in it"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.jsonl"
    assert refused(missing) == f"{missing}: No such file or directory"
    file = tmp_path / "tasks.jsonl"
    file.write_bytes(b'{"question": "\xff"}\n')
    assert refused(file).startswith(f"{file}: 'utf-8' codec")


def test_without_tests_there_is_nothing_to_practise(tmp_path: Path) -> None:
    path = lines(tmp_path / "sft.jsonl", {"question": "Say hello.", "solution": "print()"})
    assert refused(path).startswith(f"{path}:1: the format is not recognised")


# --- templates -----------------------------------------------------------------------------------


def test_lines_of_empty_fields_drop_out() -> None:
    template = Template("A\n{one}\n{two}\n\n{two} {one}\n  {two}\nZ {two}\n")
    assert template.render({"one": "1", "two": "2"}) == "A\n1\n2\n\n2 1\n  2\nZ 2\n"
    # Only where the field is all of the line.
    assert template.render({"one": "1", "two": ""}) == "A\n1\n\n 1\n  \nZ \n"
    assert template.render({"one": " \n", "two": "2"}) == "A\n2\n\n2  \n\n  2\nZ 2\n"


@pytest.mark.parametrize(
    "question",
    [
        "Print {n} and {starter_code}.",
        "{} {0} {{x}} {question}",
        r"a \1 \g<0> $ % {answer_format}",
        "{question}\n{examples}\n",
    ],
)
def test_braces_in_a_question_survive(question: str) -> None:
    template = Template("Q: {question}\n{answer_format}\n")
    assert template.render({"question": question, "answer_format": "F"}) == f"Q: {question}\nF\n"


def test_unknown_fields_stay() -> None:
    assert Template("{a} {unknown}\n{unknown}\n").render({"a": "1"}) == "1 {unknown}\n{unknown}\n"


def test_templates_by_name_and_by_file(tmp_path: Path) -> None:
    assert {path.stem for path in TEMPLATES.glob("*.txt")} == {"apps", "humaneval", "mbpp"}
    file = tmp_path / "own.txt"
    file.write_text("{question} é\n", encoding="utf-8")
    assert Template.named(str(file)).render({"question": "Why?"}) == "Why? é\n"
    with pytest.raises(TrainError, match=r"template nothing: .*known: apps, humaneval, mbpp"):
        Template.named("nothing")
    with pytest.raises(TrainError, match=r"template .*missing\.txt: No such file"):
        Template.named(str(tmp_path / "missing.txt"))


# --- prompts -------------------------------------------------------------------------------------


def letters(text: str) -> SimpleNamespace:
    """A tokenizer with an id per character, and one at either end."""
    return SimpleNamespace(input_ids=[1, *map(ord, text), 2])


def said(ids: tuple[int, ...]) -> str:
    assert (ids[0], ids[-1]) == (1, 2)
    return "".join(map(chr, ids[1:-1]))


def task_of(question: str, **fields: str) -> Task:
    values = {"question": question, "starter_code": "", "answer_format": "Use it", **fields}
    return Task(id="t/1", fields=values, solutions=(), problem=None)


QUESTION = "".join(f"Sentence {number}. " for number in range(60))
STARTER = "def f(x):\n    '''{question}'''"


def test_a_prompt_that_fits_is_left_alone() -> None:
    task = task_of(QUESTION, starter_code=STARTER)
    template = Template.named("apps")
    whole = template.render(task.fields)
    for longest in (len(whole) + 2, len(whole) + 3, 10**6):
        assert said(Prompts(letters, template, longest=longest).ids(task)) == whole


@pytest.mark.parametrize("longest", [120, 123, 200, 500, 800])
def test_a_prompt_that_does_not_fit_is_cut_in_its_question(longest: int) -> None:
    task = task_of(QUESTION, starter_code=STARTER)
    ids = Prompts(letters, Template.named("apps"), longest=longest).ids(task)
    assert longest - 25 <= len(ids) <= longest  # no more than needed, but for a word or two
    head, tail = "QUESTION:\n", f"\n{STARTER}\nUse it\nANSWER:\n"
    text = said(ids)
    assert text.startswith(head)
    assert text.endswith(tail)
    kept = text.removeprefix(head).removesuffix(tail)
    assert kept
    assert QUESTION.startswith(kept)
    assert task.fields["question"] == QUESTION


def test_code_to_go_on_from_is_cut_at_its_end() -> None:
    task = task_of("unused", prompt=QUESTION)
    ids = Prompts(letters, Template("Go on:\n{prompt}|"), longest=100).ids(task)
    text = said(ids)
    assert len(ids) <= 100
    assert QUESTION.startswith(text.removeprefix("Go on:\n").removesuffix("|"))


def test_a_template_that_leaves_no_room() -> None:
    prompts = Prompts(letters, Template.named("apps"), longest=20)
    with pytest.raises(TrainError, match=r"t/1: model\.max_prompt_tokens is too small"):
        prompts.ids(task_of(QUESTION, starter_code=STARTER))


# --- real problems -------------------------------------------------------------------------------


@real
@pytest.mark.parametrize(
    ("name", "template", "count", "solutions"),
    [
        ("apps", "apps", 2, 82),
        ("mbpp/problems.jsonl", "mbpp", 214, 214),
        ("humaneval/problems.jsonl", "humaneval", 164, 164),
    ],
)
def test_real_problems(name: str, template: str, count: int, solutions: int) -> None:
    path = Path(DATA or "", name)
    if not path.exists():
        pytest.skip(f"no {name} in CODEFEEDBACK_DATA")
    tasks = load_tasks(str(path))
    assert len({task.id for task in tasks}) == len(tasks) == count
    assert sum(len(task.solutions) for task in tasks) == solutions
    for task in tasks:
        text = text_of(task, template)
        assert task.fields["prompt" if template == "humaneval" else "question"] in text
        assert "{" not in text or "{" in "".join(task.fields.values())
        assert all(
            f"\n{line}\n" in text
            for line in task.fields["examples"].splitlines()
            if template == "mbpp"
        )
    for task in tasks[:2]:
        assert passes(task, task.solutions[0])


@real
def test_real_problems_have_their_kind_of_answer() -> None:
    path = Path(DATA or "", "apps")
    if not path.exists():
        pytest.skip("no apps in CODEFEEDBACK_DATA")
    kinds = {task.id: text_of(task).splitlines()[-2] for task in load_tasks(str(path))}
    assert kinds == {"0001": "Use Standard Input format", "2404": "Use Call-Based format"}
    (call,) = load_tasks(str(path / "2404"))
    assert "class Solution:\n    def findKthPositive(" in text_of(call)


@pytest.fixture(scope="module")
def qwen() -> Any:
    transformers = pytest.importorskip("transformers")
    folder = Path(DATA or "", "tokenizers", "qwen")
    if not (DATA and folder.exists()):
        pytest.skip("no tokenizers/qwen in CODEFEEDBACK_DATA")
    return transformers.AutoTokenizer.from_pretrained(folder)


@real
@pytest.mark.parametrize("longest", [60, 200, 400])
def test_real_prompts_are_cut(qwen: Any, longest: int) -> None:
    tokenizer, apps = qwen, Path(DATA or "", "apps")
    if not apps.exists():
        pytest.skip("no apps in CODEFEEDBACK_DATA")
    prompts = Prompts(tokenizer, Template.named("apps"), longest=longest)
    for task in load_tasks(str(apps)):
        ids = prompts.ids(task)
        whole = tokenizer(text_of(task)).input_ids
        if len(whole) <= longest:
            assert list(ids) == whole
            continue
        assert 0.9 * longest <= len(ids) <= longest
        head, tail = text_of(task).split(task.fields["question"])
        text = tokenizer.decode(ids)
        assert text.startswith(head)
        assert text.endswith(tail)
        assert task.fields["question"].startswith(text.removeprefix(head).removesuffix(tail))
