"""The small tasks are reproducible, right where they should be, and wrong where they should be."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

import codefeedback as cf

pytest.importorskip("tokenizers")

FOLDER = Path(__file__).parents[2] / "examples" / "microapps"
SIZES = ["--train", "30", "--heldout", "30", "--sft", "400"]


def load_script(name: str) -> ModuleType:
    """A script of the folder. Its short-named neighbours do not stay importable."""
    spec = importlib.util.spec_from_file_location(f"microapps_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(FOLDER))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
        for neighbour in FOLDER.glob("*.py"):
            sys.modules.pop(neighbour.stem, None)
    return module


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    return load_script("generate")


@pytest.fixture(scope="module")
def data(generate: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("microapps") / "data"
    generate.main(["--out", str(folder), *SIZES])
    return folder


@pytest.fixture(scope="module")
def grader() -> Iterator[cf.Grader]:
    with cf.Grader(fail_fast=True, allow_weak_sandbox=True) as grader:
        yield grader


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def texts(data: Path) -> list[str]:
    return [row["question"] + "\n" + row["solutions"][0] for row in rows(data / "sft.jsonl")]


def test_the_seed_decides_every_byte(generate: ModuleType, data: Path, tmp_path: Path) -> None:
    generate.main(["--out", str(tmp_path / "same"), *SIZES])
    generate.main(["--out", str(tmp_path / "other"), *SIZES, "--seed", "1"])
    first, same, other = (contents(path) for path in (data, tmp_path / "same", tmp_path / "other"))
    assert first == same
    assert first.keys() == other.keys()
    for name in ("train.jsonl", "heldout.jsonl", "sft.jsonl"):
        assert first[name] != other[name]


def test_rows(data: Path) -> None:
    for name, size, cases in (("train", 30, 5), ("heldout", 30, 8), ("sft", 400, 0)):
        found = rows(data / f"{name}.jsonl")
        assert [row["id"] for row in found] == [f"micro-{name}-{n + 1:05}" for n in range(size)]
        for row in found:
            assert row["starter_code"] == "" and len(row["solutions"]) == 1
            tests = row.get("input_output", {"inputs": [], "outputs": []})
            assert len(tests["inputs"]) == len(tests["outputs"]) == cases
    tested = rows(data / "train.jsonl") + rows(data / "heldout.jsonl")
    questions = [row["question"] for row in tested]
    assert len(set(questions)) == len(questions)


def test_held_out_compositions_are_found_nowhere_else(data: Path) -> None:
    parts = (*load_script("steps").STEPS, *load_script("reducers").REDUCERS)
    names = {phrase.rstrip("."): part.name for part in parts for phrase in part.phrases}
    assert len(set(names.values())) == 31

    def compositions(name: str) -> set[tuple[str, ...]]:
        sentences = (
            re.sub(r"\d", "{c}", row["question"]).split(". ")
            for row in rows(data / f"{name}.jsonl")
        )
        return {
            tuple(names[s.rstrip(".")] for s in some if s.rstrip(".") in names)
            for some in sentences
        }

    heldout = compositions("heldout")
    assert {len(composition) for composition in heldout} == {2, 3}
    assert not heldout & (compositions("train") | compositions("sft"))


@pytest.mark.parametrize("name", ["train", "heldout"])
def test_references_pass(data: Path, grader: cf.Grader, name: str) -> None:
    problems = list(cf.load_problems(data / f"{name}.jsonl"))
    programs = [row["solutions"][0] for row in rows(data / f"{name}.jsonl")]
    for result in grader.grade_many(zip(programs, problems, strict=True)):
        assert isinstance(result, cf.Report)
        assert result.verdict is cf.Verdict.AC


def test_noise_has_every_kind_of_failure(grader: cf.Grader) -> None:
    measure = load_script("measure")
    random = Random("noise")
    rates = measure.habit_rates(random)
    tested = [measure.tested_task(random) for _ in range(80)]
    programs = [measure.noisy_program(random, task, rates) for task, _ in tested]
    mix = Counter(measure.verdicts(grader, programs, tested, "train"))
    assert mix.keys() == {"AC", "RE", "WA", "CE"}
    assert min(mix["RE"], mix["WA"]) > 8 and 16 < mix["AC"] < 48


def test_no_habitual_mistake_passes(grader: cf.Grader) -> None:
    measure = load_script("measure")
    random = Random("mistakes")
    tested = [measure.tested_task(random) for _ in range(30)]
    programs = [measure.one_mistake(random, task) for task, _ in tested]
    for tests in ("train", "heldout"):
        assert "AC" not in measure.verdicts(grader, programs, tested, tests)


def test_tokens_cross_no_line_and_lose_nothing(data: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(data / "model")
    assert [token for token in tokenizer.get_vocab() if "Ċ" in token] == ["Ċ"]
    for text in [*texts(data), "é\t\r\n  \n\n  ~x_1 = '99'\n"]:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert not {tokenizer.pad_token_id, tokenizer.eos_token_id} & set(ids)


def test_what_is_trained_is_what_transformers_loads(data: Path) -> None:
    """Transformers rebuilds the tokenizer of a Qwen2 model; it must split as ours does."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    trained = tokenizers.Tokenizer.from_file(str(data / "model" / "tokenizer.json"))
    loaded = transformers.AutoTokenizer.from_pretrained(data / "model")
    for text in texts(data):
        assert loaded.encode(text) == trained.encode(text).ids


def test_model_folder(data: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.from_pretrained(data / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(data / "model")
    generation = transformers.GenerationConfig.from_pretrained(data / "model")
    assert config.model_type == "qwen2"
    assert config.vocab_size == len(tokenizer) <= 512
    eos, pad = tokenizer.convert_tokens_to_ids(["<eos>", "<pad>"])
    for holder in (tokenizer, config, generation):
        assert (holder.eos_token_id, holder.pad_token_id) == (eos, pad)


def test_a_folder_that_holds_something_is_refused(generate: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(SystemExit, match="not an empty folder"):
        generate.main(["--out", str(tmp_path), *SIZES])
    assert contents(tmp_path) == {"kept": b"kept"}


def test_failure_leaves_nothing(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, texts: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(generate, "write_model", full)
    with pytest.raises(OSError, match="no space left"):
        generate.main(["--out", str(tmp_path / "data"), *SIZES])
    assert list(tmp_path.iterdir()) == []


def test_too_few_cases_are_refused(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        generate.main(["--out", str(tmp_path / "data"), "--train-cases", "2"])
    assert "at least 3 cases" in capsys.readouterr().err
