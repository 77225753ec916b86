"""A run that was stopped, killed or lost power goes on as if nothing had happened."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")
pytest.importorskip("tokenizers")

import torch
from accelerate import Accelerator
from tiny import (
    Command,
    Run,
    assert_same,
    below,
    equal,
    forget,
    gone,
    lines,
    numbers,
    of_stage,
    settings,
    train,
    weights,
)

from rltf_train import checkpoint
from rltf_train.errors import TrainError
from rltf_train.startup import measure
from rltf_train.train import Stopped

KILLED = -signal.SIGKILL

# Two refreshes fit into the buffer, one more is under way, and every generator has been used.
LONG = ("sft.steps=4", "rl.steps=6", "buffer.size=24", "buffer.eviction=random-oldest",
        "sampling.ahead=1", "sampling.batch_size=6", "eval.every=3", "checkpoint.every=2",
        "loss.policy=ppo-clip", "model.name=seq2seq")  # fmt: skip


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def overrides(home: Path, run: Path, *changes: str) -> list[str]:
    """LONG on a command line."""
    given = [f"output={run}", *LONG, f"model.name={home}/seq2seq", *changes]
    return [word for change in given for word in ("--set", change)]


@pytest.fixture(scope="module")
def whole(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that was left alone."""
    run = tmp_path_factory.mktemp("whole") / "run"
    command = Command("run", home / "base.yaml", *overrides(home, run), log=run.parent / "log")
    assert command.wait() == 0, command.said()
    assert [row["step"] for row in of_stage(run, "eval")] == [0, 3, 6]
    return run


# --- killed --------------------------------------------------------------------------------------

KILLS = (
    ("rltf_train.update:Updater.step", 2, "before"),  # nothing is saved yet
    ("accelerate:Accelerator.save_state", 1, "after"),  # a folder that is half written
    ("rltf_train.metrics:JsonLines.write", 3, "after"),  # numbers that a checkpoint does not know
    ("rltf_train.policy:Policy.save", 1, "before"),
    ("rltf_train.pipeline:Pipeline.finish", 1, "before"),  # an evaluation
    ("rltf_train.update:Updater.step", 4, "after"),
    ("accelerate:Accelerator.save_state", 1, "before"),
    ("rltf_train.collect:Collector.draw", 3, "after"),
    ("rltf_train.policy:Policy.save", 1, "after"),
)  # fmt: skip


def test_killed_again_and_again(whole: Path, home: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    seen = []
    for number, place in enumerate((*KILLS, None)):
        resume = ["--resume"] if number else []
        arguments: list[str | Path] = ["run", home / "base.yaml", *overrides(home, run), *resume]
        command = Command(*arguments, log=tmp_path / "log", ends_at=place)
        assert command.wait() == (0 if place is None else KILLED), (place, command.said())
        seen.append(names(run) if (run / "checkpoints").exists() else [])
    assert seen == [
        [],
        [".sft-00000002"],
        ["sft-00000002"],
        ["sft-00000002", "sft-00000004"],
        ["rl-00000000", "sft-00000004"],
        ["rl-00000000", "rl-00000002"],
        [".rl-00000004", "rl-00000000", "rl-00000002"],
        ["rl-00000002", "rl-00000004"],
        ["rl-00000004", "rl-00000006"],
        ["done-00000006", "rl-00000006"],
    ]
    assert_same(run, whole)


def test_killed_at_any_moment(whole: Path, home: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = Command("run", home / "base.yaml", *overrides(home, run), log=tmp_path / "log")
    command.until(lambda: (run / "samples.jsonl").exists() and len(lines(run)) >= 6)
    processes = below(command.pid)
    assert processes  # those that run programs
    os.kill(command.pid, signal.SIGKILL)
    assert command.wait() == KILLED
    assert gone(processes)
    again = Command("run", home / "base.yaml", *overrides(home, run), "--resume",
                    log=tmp_path / "log")  # fmt: skip
    assert again.wait() == 0, again.said()
    assert_same(run, whole)


# --- stopped -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "rows"),
    [(signal.SIGINT, 6), (signal.SIGTERM, 6), (signal.SIGINT, 2)],
    ids=["SIGINT", "SIGTERM", "SIGINT-while-warming-up"],
)
def test_a_signal_for_the_whole_group(
    number: signal.Signals, rows: int, whole: Path, home: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments: list[str | Path] = ["run", home / "base.yaml", *overrides(home, run)]
    command = Command(*arguments, log=tmp_path / "log")
    command.until(lambda: (run / "metrics.jsonl").exists() and len(lines(run)) >= rows)
    processes = below(command.pid)
    os.killpg(command.pid, number)
    assert command.wait() == 130, command.said()
    assert "--resume" in command.said()
    assert gone(processes)
    last = numbers(run)[-1]
    assert f"{last['stage']}-{last['step']:08d}" in names(run)
    assert len(numbers(run)) < len(numbers(whole))
    command = Command(*arguments, "--resume", log=tmp_path / "log")
    assert command.wait() == 0, command.said()
    assert_same(run, whole)
    assert all(row.get("verdict/ungraded", 0) == 0 for row in numbers(run))


def test_a_signal_during_an_evaluation(home: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    # A hundred programs: nothing else takes as long.
    changes = ("sft.steps=1", "rl.steps=1", "eval.samples=40")
    arguments: list[str | Path] = ["run", home / "base.yaml", *overrides(home, run, *changes)]
    command = Command(*arguments, log=tmp_path / "log")
    command.until(lambda: (run / "checkpoints" / "rl-00000000").exists())
    processes = below(command.pid)
    os.killpg(command.pid, signal.SIGINT)
    assert command.wait() == 130, command.said()
    assert gone(processes)
    assert [row["stage"] for row in numbers(run)] == ["sft"]
    assert "rl-00000000" in names(run)
    fewer = settings(home, run, *LONG, *changes, f"model.name={home}/seq2seq")
    train(fewer, resume=True)
    assert [row["stage"] for row in numbers(run)] == ["sft", "eval", "rl", "eval"]
    assert all(row.get("verdict/ungraded", 0) == 0 for row in numbers(run))


def test_a_second_signal_ends_it_at_once(home: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    slow = overrides(home, run, "rl.steps=1000", "sampling.samples=40", "buffer.size=120")
    command = Command("run", home / "base.yaml", *slow, log=tmp_path / "log")
    command.until(lambda: (run / "checkpoints" / "rl-00000000").exists())
    processes = below(command.pid)
    os.killpg(command.pid, signal.SIGINT)
    command.until(lambda: "once more" in command.said())
    os.killpg(command.pid, signal.SIGINT)
    assert command.wait() in (1, 130), command.said()
    assert "Traceback" not in command.said()
    assert gone(processes)


@pytest.mark.parametrize(
    "changes",
    [
        ("sampling.ahead=2", "buffer.size=24", "loss.baseline=greedy"),
        ("rl.optim.batch_size=5", "buffer.refresh_every=0", "loss.sl_source=passed"),
        ("rl.optim.batch_size=5", "buffer.refresh_every=2", "buffer.max_staleness=3"),
    ],
    ids=lambda changes: changes[1],
)
def test_stopped_after_each_step(changes: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    given = ("rl.steps=4", "eval.data=null", "checkpoint.every=0", *changes)
    train(settings(home, tmp_path / "whole", *given))
    pieces = 0
    while not (tmp_path / "pieces" / "checkpoints" / "done-00000004").exists():
        config = settings(home, tmp_path / "pieces", *given)
        with Run(config, resume=pieces > 0) as trainer:
            pieces += 1
            trainer.ask_to_stop()
            try:
                trainer.supervised()
                trainer.reinforce()
            except Stopped:
                continue
    assert pieces == 2 + 4 + 1
    assert_same(tmp_path / "pieces", tmp_path / "whole")


def test_stopped_in_an_evaluation_far_from_a_checkpoint(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("sft.steps=0", "eval.every=2", "checkpoint.every=0")
    train(settings(home, tmp_path / "whole", *given))
    with Run(settings(home, tmp_path / "stopped", *given)) as trainer:

        def asked(*arguments: Any) -> dict[str, float]:
            if trainer.step == 2:
                trainer.ask_to_stop()
            return measure(*arguments)

        monkeypatch.setattr("rltf_train.train.measure", asked)
        trainer.supervised()
        with pytest.raises(Stopped):
            trainer.reinforce()
    assert names(tmp_path / "stopped") == ["rl-00000000", "rl-00000002"]
    train(settings(home, tmp_path / "stopped", *given), resume=True)
    assert_same(tmp_path / "stopped", tmp_path / "whole")


def test_stopped_while_programs_are_graded(home: Path, tmp_path: Path) -> None:
    """Leaving a run ends its threads and processes, whatever they are at."""
    threads = set(threading.enumerate())
    before = set(below(os.getpid()))
    config = settings(home, tmp_path, "sft.steps=0", "eval.samples=30", "sampling.batch_size=30")
    with Run(config) as trainer:
        trainer.supervised()
        trainer.ask_to_stop()
        with pytest.raises(Stopped):
            trainer.reinforce()
    assert set(threading.enumerate()) <= threads
    assert gone(list(set(below(os.getpid())) - before))


def test_what_cannot_be_resumed(home: Path, tmp_path: Path) -> None:
    """A run that was never saved begins; a finished one stays as it is."""
    config = settings(home, tmp_path, "sft.steps=1", "rl.steps=0", "eval.data=null")
    train(config, resume=True)
    done = numbers(tmp_path), weights(tmp_path)
    train(config, resume=True)
    assert numbers(tmp_path) == done[0]
    assert equal(weights(tmp_path), done[1])


# --- the folder ----------------------------------------------------------------------------------


def saved(run: Path, *states: tuple[str, int], keep: int = 2) -> Accelerator:
    forget()
    accelerator = Accelerator(cpu=True)
    accelerator.prepare(torch.nn.Linear(1, 1))
    for stage, step in states:
        checkpoint.save(accelerator, run, stage, step, {"of": f"{stage} {step}"}, keep=keep)
    return accelerator


def test_the_newest_are_kept(tmp_path: Path) -> None:
    assert not checkpoint.exists(tmp_path)
    accelerator = saved(tmp_path, ("sft", 50), ("sft", 100), ("rl", 0), ("rl", 9), ("rl", 10))
    assert names(tmp_path) == ["rl-00000009", "rl-00000010"]
    state = checkpoint.load(accelerator, tmp_path)
    assert state == {"of": "rl 10", "stage": "rl", "step": 10}
    saved(tmp_path, ("done", 10), keep=1)
    assert names(tmp_path) == ["done-00000010"]
    forget()


def test_what_was_left_half_written(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / ".rl-00000003"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"half")
    assert not checkpoint.exists(tmp_path)
    accelerator = saved(tmp_path)
    assert checkpoint.load(accelerator, tmp_path) is None
    accelerator = saved(tmp_path, ("sft", 1))
    assert names(tmp_path) == ["sft-00000001"]
    state = checkpoint.load(accelerator, tmp_path)
    assert state is not None
    assert state["of"] == "sft 1"
    forget()


def test_a_state_that_is_saved_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There must be no moment without a whole checkpoint."""
    saved(tmp_path, ("rl", 0), keep=1)
    before = (tmp_path / "checkpoints" / "rl-00000000").stat()
    saved(tmp_path, ("rl", 0), keep=1)
    assert (tmp_path / "checkpoints" / "rl-00000000").stat() == before
    forget()


def test_other_numbers_of_processes(tmp_path: Path) -> None:
    accelerator = saved(tmp_path, ("rl", 1))
    (tmp_path / "checkpoints" / "rl-00000001" / "process-1.pt").touch()
    with pytest.raises(TrainError, match="2 processes"):
        checkpoint.load(accelerator, tmp_path)
    forget()
