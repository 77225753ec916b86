"""Several processes train as one: the same warm start, a share of the samples each."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")
pytest.importorskip("tokenizers")

import torch
from tiny import (
    Command,
    assert_same,
    below,
    gang,
    gone,
    numbers,
    of_stage,
    problem,
    settings,
    train,
    weights,
    write_lines,
)

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="torch was built for one process"
)

# Batches of 6, 4 and 12 in micro-batches of 4: those of one process and of two are not the same.
SHARED = ("sampling.problems=4", "sampling.samples=2", "buffer.size=16", "sft.steps=4",
          "sft.optim.micro_batch_size=2", "rl.steps=4", "checkpoint.every=2", "eval.every=2",
          "loss.fine=0.5")  # fmt: skip


class Two:
    """`rltf-train ...` as a launcher starts it on two processes."""

    def __init__(
        self, home: Path, run: Path, *changes: str, resume: bool = False, base: str = "base.yaml"
    ) -> None:
        words = [word for change in (f"output={run}", *changes) for word in ("--set", change)]
        flags = ["--resume"] if resume else []
        self.commands = [
            Command(
                "run", home / base, *words, *flags, log=run.parent / f"log-{rank}", environment=each
            )
            for rank, each in enumerate(gang(2))
        ]

    def wait(self) -> list[int]:
        try:
            return [command.wait() for command in self.commands]
        finally:
            self.kill()

    def kill(self) -> None:
        for command in self.commands:
            if command.process.is_alive():
                os.kill(command.pid, signal.SIGKILL)

    def said(self) -> str:
        return "\n".join(command.said() for command in self.commands)


@pytest.fixture(scope="module")
def pair(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of two processes that was left alone."""
    run = tmp_path_factory.mktemp("pair") / "run"
    two = Two(home, run, *SHARED)
    assert two.wait() == [0, 0], two.said()
    yield run


def test_the_warm_start_is_that_of_one_process(pair: Path, home: Path, tmp_path: Path) -> None:
    train(settings(home, tmp_path, *SHARED, "rl.steps=0", "eval.data=null"))
    ours, theirs = of_stage(pair, "sft"), of_stage(tmp_path, "sft")
    assert len(ours) == len(theirs) == 4
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for key in ("loss/sl", "loss/total", "grad_norm", "lr"):
            assert one[key] == pytest.approx(other[key], abs=1e-5), key
    one_weights, other_weights = weights(pair, "sft"), weights(tmp_path, "sft")
    assert one_weights.keys() == other_weights.keys()
    for key, value in one_weights.items():
        assert torch.allclose(value, other_weights[key], atol=1e-5), key


def test_samples_are_shared(pair: Path) -> None:
    rows = of_stage(pair, "rl")
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert all(row["verdict/ungraded"] == 0 for row in rows)
    assert [row["buffer/size"] for row in rows] == [8] * 4  # of each process
    # Shares of the programs of both, not of one.
    assert any(row["reward/pass"] * 4 % 1 for row in rows)
    assert [row["step"] for row in of_stage(pair, "eval")] == [0, 2, 4]
    for row in of_stage(pair, "eval"):
        assert row["eval/problems"] == 3
        assert (row["verdict/AC"] * 6) % 1 == pytest.approx(0, abs=1e-6)
    states = [
        torch.load(pair / "checkpoints" / "rl-00000004" / f"process-{rank}.pt") for rank in range(2)
    ]
    problems = [{each["problem"] for each in state["buffer"]["samples"]} for state in states]
    assert not problems[0] & problems[1]


def test_each_buffer_is_resumed(pair: Path, home: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    two = Two(home, run, *SHARED)
    try:
        two.commands[0].until(lambda: (run / "checkpoints" / "rl-00000002").exists())
    finally:
        two.kill()
    assert [command.wait() for command in two.commands] == [-signal.SIGKILL] * 2
    two = Two(home, run, *SHARED, resume=True)
    assert two.wait() == [0, 0], two.said()
    assert_same(run, pair)


def test_a_signal_for_all(pair: Path, home: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    two = Two(home, run, *SHARED)
    first = two.commands[0]
    first.until(lambda: (run / "metrics.jsonl").exists() and len(numbers(run)) >= 6)
    processes = [each for command in two.commands for each in below(command.pid)]
    for command in two.commands:
        os.kill(command.pid, signal.SIGINT)
    assert two.wait() == [130, 130], two.said()
    assert gone(processes)
    two = Two(home, run, *SHARED, resume=True)
    assert two.wait() == [0, 0], two.said()
    assert_same(run, pair)


@pytest.mark.parametrize("mix", ["sum", "alternate"])
def test_only_one_process_has_something_to_imitate(mix: str, home: Path, tmp_path: Path) -> None:
    """What passed is imitated: where a process has none, the other one must not wait for it."""
    unsolvable = problem(2) | {"input_output": {"inputs": ["1\n"], "outputs": ["no\n"]}}
    write_lines(tmp_path / "train.jsonl", [problem(1), unsolvable])
    two = Two(home, tmp_path / "run", "sft.steps=0", "rl.steps=4", "eval.data=null",
              "sampling.problems=2", "sampling.samples=6", "loss.sl=1.0", "loss.sl_source=passed",
              f"data.train={tmp_path}/train.jsonl", f"loss.mix={mix}",
              "rl.optim.warmup_steps=4", base="plain.yaml")  # fmt: skip
    assert two.wait() == [0, 0], two.said()
    rows = of_stage(tmp_path / "run", "rl")
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert any(row["reward/pass"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sampling.problems=3", "sampling.problems: got 3; 2 processes must share it equally"),
        ("data.limit=1", "data.train"),
    ],
)
def test_what_two_processes_cannot_share(
    change: str, said: str, home: Path, tmp_path: Path
) -> None:
    two = Two(home, tmp_path / "run", *SHARED, change)
    assert two.wait() == [2, 2], two.said()
    assert said in two.said()
    assert "Traceback" not in two.said()
