"""Whole runs: what they leave behind, what decides their numbers, and that they learn."""

from __future__ import annotations

import re
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
import yaml
from tiny import (
    BROKEN,
    HALF,
    RAISES,
    RIGHT,
    Run,
    assert_same,
    equal,
    lines,
    numbers,
    of_stage,
    problem,
    scripted,
    settings,
    train,
    ungradable,
    weights,
    write_lines,
)
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from rltf_train.engines import HuggingFaceEngine
from rltf_train.errors import TrainError
from rltf_train.policy import Policy, logprobs, without_dropout
from rltf_train.report import write_report

AUTO: dict[str, Any] = {"causal": AutoModelForCausalLM, "seq2seq": AutoModelForSeq2SeqLM}


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_a_whole_run(kind: str, home: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = settings(home, run, f"model.name={home}/{kind}", "eval.every=2", "eval.problems=2")
    train(config)
    rows = numbers(run)
    order = [(row["stage"], row["step"]) for row in rows]
    assert order == [
        ("sft", 1), ("sft", 2), ("eval", 0), ("rl", 1), ("rl", 2), ("eval", 2), ("rl", 3),
        ("eval", 3),
    ]  # fmt: skip
    evaluations = of_stage(run, "eval")
    assert [row["eval/problems"] for row in evaluations] == [3, 2, 3]
    assert [row["after"] for row in evaluations] == ["sft", "rl", "rl"]
    for row in evaluations:
        assert 0 <= row["eval/pass@1"] <= row["eval/pass@2"] <= 1
    for row in of_stage(run, "rl"):
        assert row["verdict/ungraded"] == 0
        assert row["buffer/size"] == 12
        verdicts = [value for key, value in row.items() if key.startswith("verdict/")]
        assert sum(verdicts) == pytest.approx(1)
        assert row["grad_norm"] > 0
    seconds = [row["seconds"] for row in lines(run)]
    assert seconds == sorted(seconds)

    samples = lines(run, "samples.jsonl")
    assert {row["policy_version"] for row in samples} == {0, 1}  # drawn one step ahead
    for row in samples:
        assert len(row["pieces"]) == len(row["weights"]) == len(row["fine"])
        assert row["prompt"].startswith("twice ")
    assert yaml.safe_load((run / "config.yaml").read_text()) == config.model_dump(mode="json")
    page = write_report(run).read_text()
    assert re.search(r"<!doctype html>", page, re.IGNORECASE)
    for name in ("sft", "model"):
        model = AUTO[kind].from_pretrained(run / name)
        loaded = model.state_dict()
        saved = weights(run, name)
        assert all(loaded[key].equal(value) for key, value in saved.items())
        tokenizer = AutoTokenizer.from_pretrained(run / name)
        assert tokenizer.decode(tokenizer(RIGHT).input_ids, skip_special_tokens=True) == RIGHT
    assert not equal(weights(run, "sft"), weights(run, "model"))


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_the_seed_decides_every_number(kind: str, home: Path, tmp_path: Path) -> None:
    runs = [tmp_path / name for name in ("one", "two", "other")]
    for run, seed, steps in zip(runs, (1, 1, 2), (2, 2, 0), strict=True):
        train(settings(home, run, f"model.name={home}/{kind}-random", "model.init=random",
                       f"rl.steps={steps}", f"seed={seed}", "checkpoint.every=0"))  # fmt: skip
    one, two, other = runs
    assert_same(one, two)
    assert of_stage(one, "sft") != of_stage(other, "sft")
    assert not equal(weights(one, "sft"), weights(other, "sft"))


def test_evaluations_change_nothing_in_training(home: Path, tmp_path: Path) -> None:
    often, never = tmp_path / "often", tmp_path / "never"
    train(settings(home, often, "eval.every=1"))
    train(settings(home, never, "eval.data=null"))
    assert len(of_stage(often, "eval")) == 4
    assert of_stage(never, "eval") == []
    assert of_stage(often, "rl") == of_stage(never, "rl")
    assert equal(weights(often), weights(never))


def test_the_warm_start_leaves_only_weights_behind(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the optimizer knew, and how it was set, ends with it."""
    common = (*SMALL, "rl.steps=2", "sft.optim={weight_decay: 0.5, betas: [0.5, 0.5], lr: 0.01}")
    runs = [tmp_path / name for name in ("both", "later")]
    starts = (("sft.steps=3",), (f"model.name={runs[0]}/sft",))
    for run, start in zip(runs, starts, strict=True):
        with Run(settings(home, run, *common, *start, name="plain.yaml")) as trainer:
            generate = scripted(trainer.policy.tokenizer, (RIGHT, RAISES))
            monkeypatch.setattr(HuggingFaceEngine, "generate", generate)
            trainer.supervised()
            trainer.reinforce()
    assert of_stage(runs[0], "rl") == of_stage(runs[1], "rl")
    assert equal(weights(runs[0]), weights(runs[1]))


# --- settings ------------------------------------------------------------------------------------

SMALL = ("sampling.problems=3", "sampling.samples=4", "buffer.size=12", "rl.optim.batch_size=6",
         "rl.optim.warmup_steps=1", "eval.data=null", "sft.steps=0",
         "sampling.batch_size=12", "checkpoint.every=0")  # fmt: skip


@pytest.mark.parametrize("preset", ["paper", "code", "coderl", "stepcoder", "grpo"])
def test_presets(preset: str, home: Path, tmp_path: Path) -> None:
    train(settings(home, tmp_path, f"preset={preset}", "buffer.refresh_every=1", *SMALL))
    rows = of_stage(tmp_path, "rl")
    assert [row["step"] for row in rows] == [1, 2, 3]
    terms = [{key for key in row if key.startswith("loss/")} - {"loss/total"} for row in rows]
    everything = {
        "paper": [{"loss/sl"}, {"loss/coarse", "loss/fine", "loss/adaptive"}, {"loss/sl"}],
        "code": [{"loss/sl", "loss/coarse", "loss/fine"}] * 3,
        "coderl": [{"loss/sl", "loss/coarse"}] * 3,
        "stepcoder": [{"loss/coarse"}] * 3,
        "grpo": [{"loss/coarse"}] * 3,
    }
    assert terms == everything[preset]
    for row, names in zip(rows, terms, strict=True):
        assert row["loss/total"] == pytest.approx(sum(row[name] for name in names))
        assert ("ratio/clipped" in row) == (preset in ("stepcoder", "grpo"))


@pytest.mark.parametrize(
    "changes",
    [
        ("loss.policy=ppo-clip", "loss.mask=executed", "loss.aggregate=sequence-mean",
         "buffer.eviction=random-oldest", "buffer.size=24"),
        ("loss.baseline=rloo", "loss.scale=group-std", "loss.aggregate=constant"),
        ("loss.baseline=greedy", "loss.fine=1.0", "loss.mix=alternate", "loss.sl=0.5",
         "loss.fine_terms={flakes: 0.5, cst: 0.5, blame: 1.0, locate: substring, alpha: none}"),
        ("loss.baseline=none", "loss.sl=1.0", "loss.sl_source=passed", "loss.adaptive=1.0"),
        ("loss.baseline=best", "loss.adaptive_mode=replace", "grading.reuse=false"),
        ("model.gradient_checkpointing=true", "grading.granularity=statement",
         "grading.memory_bytes=100000000", "rl.optim.schedule=constant"),
    ],
    ids=lambda changes: changes[0],
)  # fmt: skip
def test_other_settings(changes: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    train(settings(home, tmp_path, *SMALL, "rl.steps=2", *changes, name="plain.yaml"))
    rows = of_stage(tmp_path, "rl")
    assert [row["step"] for row in rows] == [1, 2]
    assert all(row["verdict/ungraded"] == 0 for row in rows)
    assert any(row["grad_norm"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("changes", "drawn", "ages"),
    [
        (("sampling.ahead=0",), [0, 1, 2, 3], [0, 0, 0, 0]),
        (("sampling.ahead=1",), [0, 0, 1, 2], [0, 1, 1, 1]),
        (("sampling.ahead=2",), [0, 0, 0, 1], [0, 1, 2, 2]),
        (("sampling.ahead=0", "buffer.refresh_every=2"), [0, 2], [0, 1, 0, 1]),
        (("sampling.ahead=1", "buffer.refresh_every=2"), [0, 0], [0, 1, 2, 3]),
        (("buffer.refresh_every=0",), [0], [0, 1, 2, 3]),
        (("buffer.refresh_every=0", "buffer.size=24"), [0, 0], [0, 1, 2, 3]),
        (("sampling.ahead=0", "buffer.size=24"), [0, 0, 1, 2, 3], [0, 0.5, 0.5, 0.5]),
        (("sampling.ahead=0", "buffer.size=24", "buffer.max_staleness=0"),
         [0, 0, 1, 2, 3], [0, 0, 0, 0]),
    ],
)  # fmt: skip
def test_how_old_the_samples_are(
    changes: tuple[str, ...],
    drawn: list[int],
    ages: list[float],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = settings(home, tmp_path, *SMALL, "rl.steps=4", *changes, name="plain.yaml")
    with Run(config) as trainer:
        generate = scripted(trainer.policy.tokenizer, (BROKEN,))
        monkeypatch.setattr(HuggingFaceEngine, "generate", generate)
        trainer.supervised()
        trainer.reinforce()
    rows = of_stage(tmp_path, "rl")
    assert [row["buffer/age_mean"] for row in rows] == ages
    shown = lines(tmp_path, "samples.jsonl")
    assert [row["policy_version"] for row in shown] == [each for each in drawn for _ in range(3)]


def test_samples_that_are_all_too_old(home: Path, tmp_path: Path) -> None:
    stale = settings(home, tmp_path, *SMALL, "buffer.max_staleness=0", name="plain.yaml")
    with pytest.raises(TrainError, match="max_staleness"):
        train(stale)
    assert [row["step"] for row in of_stage(tmp_path, "rl")] == [1]


def test_gradient_checkpointing_changes_nothing(home: Path, tmp_path: Path) -> None:
    runs = [tmp_path / name for name in ("with", "without")]
    for run, value in zip(runs, ("true", "false"), strict=True):
        train(settings(home, run, f"model.name={home}/seq2seq", "eval.data=null", "rl.steps=1",
                       f"model.gradient_checkpointing={value}"))  # fmt: skip
    assert_same(*runs)


def test_bfloat16(home: Path, tmp_path: Path) -> None:
    half, full = tmp_path / "half", tmp_path / "full"
    common = (*SMALL, "sft.steps=2", "rl.steps=1", "loss.policy=ppo-clip")
    train(settings(home, half, *common, "model.precision=bf16", name="plain.yaml"))
    train(settings(home, full, *common, "rl.steps=0", name="plain.yaml"))
    losses = [[row["loss/sl"] for row in of_stage(run, "sft")] for run in (half, full)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    assert all(each.dtype == torch.float32 for each in weights(half).values())
    # What was sampled is as probable when it is trained on.
    assert [row["ratio/clipped"] for row in of_stage(half, "rl")] == [0]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is:FutureWarning")  # in peft
@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_lora(kind: str, home: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    train(settings(home, tmp_path, *SMALL, f"model.name={home}/{kind}", "model.lora={rank: 2}",
                   "model.gradient_checkpointing=true", name="plain.yaml"))  # fmt: skip
    assert any(row["grad_norm"] > 0 for row in numbers(tmp_path))
    adapted = AUTO[kind].from_pretrained(tmp_path / "model").state_dict()
    before = weights(home, kind)
    # The adapters are merged: a folder like any other, whose matrices differ by the adapters' rank.
    assert set(before) <= set(adapted)
    changes = [adapted[key] - before[key] for key in before if not adapted[key].equal(before[key])]
    assert changes
    ranks = [int(torch.linalg.matrix_rank(each, atol=1e-5, rtol=0.0)) for each in changes]
    assert max(ranks) in (1, 2)


# --- learning ------------------------------------------------------------------------------------


def likelihood(policy: Policy, text: str) -> torch.Tensor:
    """log p of each token of a program for the third problem."""
    without_dropout(policy.model)
    prompt, answer = policy.tokenizer("Q: twice 3\nA:\n").input_ids, policy.response_ids(text, 40)
    assert answer is not None
    with torch.no_grad():
        found, _ = logprobs(policy.model, [prompt], [answer], pad_id=policy.pad_id)
    return found[0]


@pytest.mark.parametrize(
    "changes",
    [("loss.policy=reinforce",), ("loss.policy=ppo-clip", "loss.scale=group-std"),
     ("loss.baseline=rloo", "loss.aggregate=sequence-sum"), ("loss.baseline=none",),
     ("loss.coarse=0.0", "loss.adaptive=1.0"), ("loss.baseline=best", "loss.mask=executed")],
    ids=lambda changes: changes[-1],
)  # fmt: skip
def test_a_step_makes_good_programs_likelier(
    changes: tuple[str, ...], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(home, tmp_path, *SMALL, "rl.steps=1", "rl.optim.lr=1.0e-4",
                      "rl.optim.warmup_steps=0", *changes, name="plain.yaml")  # fmt: skip
    with Run(config) as trainer:
        policy = trainer.policy
        generate = scripted(policy.tokenizer, (RIGHT, RAISES))
        monkeypatch.setattr(HuggingFaceEngine, "generate", generate)
        before = [likelihood(policy, text).sum() for text in (RIGHT, RAISES)]
        trainer.supervised()
        trainer.reinforce()
        after = [likelihood(policy, text).sum() for text in (RIGHT, RAISES)]
    assert after[0] > before[0]
    assert after[1] < before[1]


def test_the_blamed_line_becomes_less_likely(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(home, tmp_path, *SMALL, "rl.steps=1", "rl.optim.lr=1.0e-4", "loss.coarse=0.0",
                      "loss.fine=1.0", name="plain.yaml")  # fmt: skip
    with Run(config) as trainer:
        policy = trainer.policy
        generate = scripted(policy.tokenizer, (RAISES,))
        monkeypatch.setattr(HuggingFaceEngine, "generate", generate)
        before = likelihood(policy, RAISES)
        trainer.supervised()
        trainer.reinforce()
        change = likelihood(policy, RAISES) - before
    first = len(policy.tokenizer("n = int(input())\n").input_ids)
    line = len(policy.tokenizer(RAISES).input_ids)
    assert change[first:line].sum() < 0
    assert change[first:line].sum() < change[:first].sum()
    row = lines(tmp_path, "samples.jsonl")[0]
    assert [bool(value) for value in row["fine"]] == [
        first <= place < line - 1 for place in range(line + 1)
    ]
    assert row["weights"] == row["fine"]


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_rewards_rise(kind: str, home: Path, tmp_path: Path) -> None:
    train(settings(home, tmp_path, *SMALL, f"model.name={home}/{kind}", "rl.steps=8",
                   "sampling.samples=8", "buffer.size=24", "sampling.batch_size=24",
                   "sampling.ahead=0", "rl.optim={lr: 3.0e-3, schedule: constant, batch_size: 24}",
                   "checkpoint.every=0", name="plain.yaml"))  # fmt: skip
    passed = [row["reward/pass"] for row in of_stage(tmp_path, "rl")]
    assert sum(passed[-3:]) / 3 > passed[0] + 0.2, passed


# --- programs that cannot be graded, and programs that mean harm ----------------------------------


def test_ungraded_programs_count_nowhere(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [problem(1), problem(2), ungradable(3)]
    write_lines(tmp_path / "some.jsonl", rows)
    config = settings(home, tmp_path / "run", *SMALL, f"data.train={tmp_path}/some.jsonl",
                      "loss.policy=ppo-clip", "loss.fine=1.0", name="plain.yaml")  # fmt: skip
    with Run(config) as trainer:
        generate = scripted(trainer.policy.tokenizer, (RIGHT, HALF, RAISES, RIGHT))
        monkeypatch.setattr(HuggingFaceEngine, "generate", generate)
        trainer.supervised()
        trainer.reinforce()
    for row in of_stage(tmp_path / "run", "rl"):
        assert row["verdict/ungraded"] == pytest.approx(3 / 12)  # what raises needs no checker
        assert row["verdict/AC"] == pytest.approx(4 / 12)
        assert row["reward/pass"] == pytest.approx(4 / 9)
        assert row["grad_norm"] > 0
    shown = lines(tmp_path / "run", "samples.jsonl")
    ungraded = [row for row in shown if row["verdict"] == "ungraded"]
    assert len(ungraded) == 3
    assert all(not any(row["weights"]) for row in ungraded)
    write_report(tmp_path / "run")


def test_nothing_can_be_graded(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path / "none.jsonl", [ungradable(number) for number in range(3)])
    config = settings(home, tmp_path / "run", *SMALL, f"data.train={tmp_path}/none.jsonl",
                      name="plain.yaml")  # fmt: skip
    with Run(config) as trainer:
        generate = scripted(trainer.policy.tokenizer, (RIGHT,))
        monkeypatch.setattr(HuggingFaceEngine, "generate", generate)
        trainer.supervised()
        with pytest.raises(TrainError, match=r"not one of 12 programs .*: .*checker"):
            trainer.reinforce()


def test_hostile_programs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = tmp_path / "canary"
    canary.touch()
    hostile = (
        "while True: pass\n",
        "import os\nwhile True: os.fork()\n",
        "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getppid(), 9)\n",
        f"import os\nos.remove({str(canary)!r})\n",
        "print('\x00\x1b[31m')...",
        RIGHT,
    )
    config = settings(home, tmp_path / "run", *SMALL, "rl.steps=1", "grading.cpu_seconds=0.2",
                      "sampling.samples=6", "sampling.problems=1", "buffer.size=6",
                      "sampling.ahead=0", name="plain.yaml")  # fmt: skip
    with Run(config) as trainer:
        generate = scripted(trainer.policy.tokenizer, hostile)
        monkeypatch.setattr(HuggingFaceEngine, "generate", generate)
        trainer.supervised()
        trainer.reinforce()
    (row,) = of_stage(tmp_path / "run", "rl")
    assert row["verdict/ungraded"] == 0
    assert row["verdict/AC"] == pytest.approx(1 / 6)
    assert canary.exists()
    write_report(tmp_path / "run")


# --- odd settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        ("sampling.problems=9", "buffer.size=36"),  # more than there are
        ("rl.optim.batch_size=60",),  # more than the buffer holds
        ("buffer.size=5",),  # less than a refresh
        ("sampling.samples=1", "loss.baseline=best"),
        ("data.limit=1",),
        ("eval.data=null",),
        ("checkpoint.every=0",),
        ("checkpoint.keep=1",),
        ("model.max_response_tokens=1",),
    ],
    ids=lambda changes: changes[0],
)
def test_odd_settings(changes: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    train(settings(home, tmp_path, *SMALL, "rl.steps=2", *changes, name="plain.yaml"))
    rows = of_stage(tmp_path, "rl")
    assert [row["step"] for row in rows] == [1, 2]
    write_report(tmp_path)


def test_no_steps(home: Path, tmp_path: Path) -> None:
    train(settings(home, tmp_path, "rl.steps=0", "sft.steps=0"))
    (row,) = numbers(tmp_path)
    assert (row["stage"], row["after"], row["step"]) == ("eval", "sft", 0)
    assert not (tmp_path / "model").exists()
    write_report(tmp_path)


def test_only_a_warm_start(home: Path, tmp_path: Path) -> None:
    train(settings(home, tmp_path, "rl.steps=0", "data.train=null"))
    assert [row["stage"] for row in numbers(tmp_path)] == ["sft", "sft", "eval"]
    assert equal(weights(tmp_path, "sft"), weights(tmp_path, "model"))


def test_imitating_what_passed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(home, tmp_path, *SMALL, "loss.mix=alternate", "loss.sl=1.0",
                      "loss.sl_source=passed", name="plain.yaml")  # fmt: skip
    with Run(config) as trainer:
        programs = (BROKEN,) * 12 + (RIGHT,) * 24
        generate = scripted(trainer.policy.tokenizer, programs)
        monkeypatch.setattr(HuggingFaceEngine, "generate", generate)
        trainer.supervised()
        trainer.reinforce()
    first, second, third = of_stage(tmp_path, "rl")
    assert "loss/total" not in first  # nothing passed yet
    assert second["reward/pass"] == 1
    assert third["loss/sl"] > 0
