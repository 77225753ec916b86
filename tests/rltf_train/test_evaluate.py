"""pass@k of known programs, whatever else could not be graded, over one process and over two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")
pytest.importorskip("tokenizers")

import torch
from tiny import (
    BROKEN,
    HALF,
    RAISES,
    RIGHT,
    TEMPLATE,
    Line,
    Script,
    problem,
    ungradable,
    write_lines,
)
from transformers import AutoTokenizer

import codefeedback as cf
from rltf_train import evaluate as module
from rltf_train.config import Evaluation
from rltf_train.data import Prompts, Template, load_tasks
from rltf_train.evaluate import evaluate
from rltf_train.pipeline import Pipeline

ALONE = SimpleNamespace(process_index=0, num_processes=1)


class Bench:
    def __init__(self, home: Path, folder: Path, grader: cf.Grader) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(home / "causal")
        self._file = folder / "rows.jsonl"
        self._grader = grader
        self.progress: list[int] = []

    def evaluate(
        self,
        rows: Sequence[Line],
        programs: Sequence[str] | Mapping[str, Sequence[str]],
        *,
        accelerator: Any = ALONE,
        engine: Any = None,
        seed: int = 0,
        **settings: Any,
    ) -> dict[str, float]:
        write_lines(self._file, rows)
        engine = engine or Script(self.tokenizer, programs)
        return evaluate(
            accelerator,
            Pipeline(engine, self._grader, self.tokenizer, chunk=5, longest=40),
            load_tasks(str(self._file)),
            Prompts(self.tokenizer, Template(TEMPLATE), longest=40),
            Evaluation(**settings),
            extract="whole-text",
            seed=seed,
            progress=self.progress.append,
        )


@pytest.fixture(scope="module")
def grader() -> Iterator[cf.Grader]:
    with cf.Grader(reuse=True, allow_weak_sandbox=True) as grader:
        yield grader


@pytest.fixture
def bench(home: Path, tmp_path: Path, grader: cf.Grader) -> Bench:
    return Bench(home, tmp_path, grader)


ROWS = [problem(1), problem(2), problem(3)]
SOME = {
    "twice 1": [RIGHT, RIGHT, HALF, BROKEN],  # 2 of 4
    "twice 2": [RAISES, HALF, HALF, RIGHT],  # 1 of 4
    "twice 3": [BROKEN],
}


def test_pass_at_k(bench: Bench) -> None:
    found = bench.evaluate(ROWS, SOME, samples=4, k=[1, 2, 4])
    assert found["eval/pass@1"] == pytest.approx((2 / 4 + 1 / 4 + 0) / 3)
    # 1 minus the chance of two failures: of 2 among 4, and of 3 among 4.
    assert found["eval/pass@2"] == pytest.approx((1 - 1 / 6 + 1 - 3 / 6 + 0) / 3)
    assert found["eval/pass@4"] == pytest.approx(2 / 3)
    assert (found["eval/problems"], found["eval/samples"]) == (3, 4)
    shares = {"AC": 3, "WA": 3, "RE": 1, "CE": 5, "ungraded": 0}
    assert {name: found[f"verdict/{name}"] for name in shares} == pytest.approx(
        {name: count / 12 for name, count in shares.items()}
    )
    assert sum(bench.progress) == 12


def test_programs_that_were_not_graded(bench: Bench) -> None:
    rows = [problem(1), ungradable(2)]
    found = bench.evaluate(
        rows, {"twice 1": [RIGHT, BROKEN, BROKEN], "twice 2": [RIGHT, BROKEN, BROKEN]},
        samples=3, k=[1, 2, 3],
    )  # fmt: skip
    assert found["verdict/ungraded"] == pytest.approx(1 / 6)
    assert found["eval/pass@1"] == pytest.approx((1 / 3 + 0) / 2)
    assert found["eval/pass@2"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["eval/pass@3"] == 1  # of the one that has three


def test_nothing_was_graded(bench: Bench) -> None:
    found = bench.evaluate([ungradable(1)], [RIGHT], samples=2, k=[1])
    assert math.isnan(found["eval/pass@1"])
    assert found["verdict/ungraded"] == 1


def test_problems_of_the_same_name(bench: Bench) -> None:
    rows = [problem(number) | {"id": "same"} for number in (1, 3)]
    found = bench.evaluate(rows, {"twice 1": [RIGHT], "twice 3": [BROKEN]}, samples=2, k=[1, 2])
    assert (found["eval/pass@1"], found["eval/pass@2"]) == (0.5, 0.5)


def test_a_random_stream_of_its_own(bench: Bench) -> None:
    class Dice(Script):
        drawn: list[list[float]]

        def generate(self, prompts: Any, **options: Any) -> Any:
            self.drawn.append(torch.rand(4).tolist())
            return super().generate(prompts, **options)

    thrown: list[list[list[float]]] = []
    for seed in (1, 1, 2):
        engine = Dice(bench.tokenizer, [BROKEN])
        engine.drawn = []
        torch.manual_seed(len(thrown))
        before = torch.get_rng_state()
        bench.evaluate(ROWS, [], engine=engine, seed=seed, samples=4)
        assert torch.equal(torch.get_rng_state(), before)
        thrown.append(engine.drawn)
    assert len(thrown[0]) == 3  # chunks
    assert thrown[0] == thrown[1] != thrown[2]


@pytest.mark.parametrize("count", [1, 3])
def test_two_processes_find_what_one_finds(
    count: int, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a process has fewer problems than the other one, or none."""
    rows = ROWS[:count]
    options: dict[str, Any] = {"samples": 4, "k": [1, 2]}
    whole = bench.evaluate(rows, SOME, **options)
    gathered: list[Any] = []

    def gather(told: list[Any]) -> list[Any]:
        gathered.extend(told)
        return gathered

    monkeypatch.setattr(module, "gather_object", gather)
    for rank in range(2):
        accelerator = SimpleNamespace(process_index=rank, num_processes=2)
        found = bench.evaluate(rows, SOME, accelerator=accelerator, **options)
    assert found == pytest.approx(whole)
