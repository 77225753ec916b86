"""Measures a training step: `rltf_train` against TRL's GRPOTrainer, on the same work.

    pip install -e '.[train]' trl tokenizers
    python benchmarks/grpo.py --model runs/microapps/sft

Model, problems, programs in a step, their lengths, grader, loss and optimizer are the same; each
round runs every side in a fresh process, in turn. Without --model, a short warm start makes one.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from measuring import Figure, check, publish, spread

import codefeedback as cf

_MICROAPPS = Path(__file__).resolve().parents[1] / "examples" / "microapps"
_PROBLEMS, _SAMPLES, _LONGEST, _RATE = 16, 8, 150, 1e-6
_BATCH = _PROBLEMS * _SAMPLES
_CPU_SECONDS = 2.0
#: What each side may choose for itself. TRL: programs in a forward pass, all padded alike.
#: The first of each is what a user gets who asks for nothing else.
OURS: dict[str, dict[str, int]] = {
    "rltf_train": {"micro_batch_size": 32, "batch_size": 128, "ahead": 1},
    "rltf_train, on-policy": {"micro_batch_size": 32, "batch_size": 64, "ahead": 0},
}
TRL: dict[str, dict[str, int]] = {
    "TRL, one pass of 128": {"per_device_train_batch_size": 128},
    "TRL, 4 passes of 32": {"per_device_train_batch_size": 32},
}
_PACKAGES = ("trl", "transformers", "torch", "accelerate", "datasets")
Row = dict[str, float]


def settings(folder: Path, model: str, threads: int, steps: int, **chosen: int) -> dict[str, Any]:
    """The configuration of our side."""
    optim = {
        "lr": _RATE,
        "schedule": "constant",
        "weight_decay": 0.0,
        "batch_size": _BATCH,
        "micro_batch_size": chosen["micro_batch_size"],
    }
    return {
        "output": str(folder / "run"),
        "threads": threads,
        "model": {"name": model, "max_prompt_tokens": 200, "max_response_tokens": _LONGEST},
        "data": {
            "train": str(folder / "data" / "train.jsonl"),
            "sft": str(folder / "data" / "sft.jsonl"),
            "template": str(_MICROAPPS / "prompt.txt"),
        },
        "sampling": {
            "problems": _PROBLEMS,
            "samples": _SAMPLES,
            "top_p": 1.0,
            "batch_size": chosen["batch_size"],
            "ahead": chosen["ahead"],
        },
        "grading": {"workers": threads, "reuse": True, "cpu_seconds": _CPU_SECONDS},
        "buffer": {"size": _BATCH, "refresh_every": 1},
        "loss": {
            "sl": 0.0,
            "fine": 0.0,
            "adaptive": 0.0,
            "mix": "sum",
            "baseline": "group-mean",
            "scale": "group-std",
            "policy": "ppo-clip",
            "aggregate": "token-mean",
        },
        "rl": {"steps": steps, "optim": optim},
        "checkpoint": {"every": 1_000_000},
    }


def ours(folder: Path, model: str, threads: int, steps: int, **chosen: int) -> list[Row]:
    """Our steps, from the run's metrics."""
    from rltf_train.config import Config
    from rltf_train.train import Trainer

    config = Config.model_validate(settings(folder, model, threads, steps, **chosen))
    with Trainer(config) as trainer:
        trainer.supervised()
        trainer.reinforce()
    lines = [json.loads(line) for line in (Path(config.output) / "metrics.jsonl").open()]
    rows, began = [], 0.0
    for each in lines:
        row = {
            # Between the ends of two steps, so that all is in it, logging as well.
            "seconds": each["seconds"] - began,
            "tokens": each["length/mean"] * _BATCH,
            "draw": each["time/draw"],
            "grade": each["time/wait"],
            "reward": each["reward/coarse"],
            "loss": each["loss/total"],
            "grad_norm": each["grad_norm"],
        }
        began = each["seconds"]
        rows.append(row)
    return rows


def theirs(folder: Path, model: str, threads: int, steps: int, **chosen: int) -> list[Row]:
    """TRL's steps, by a callback; its rewards are by the same grader."""
    import torch
    import transformers

    from rltf_train.collect import shuffled
    from rltf_train.config import Config
    from rltf_train.data import Template, load_tasks
    from rltf_train.policy import load

    trl: Any = importlib.import_module("trl")
    datasets: Any = importlib.import_module("datasets")
    torch.set_num_threads(threads)
    config = Config.model_validate(
        settings(folder, model, threads, steps, **next(iter(OURS.values())))
    )
    tasks, template = load_tasks(str(config.data.train)), Template.named(config.data.template)
    chosen_tasks = [
        tasks[shuffled(len(tasks), place, config.seed)] for place in range(steps * _PROBLEMS)
    ]
    policy = load(config.model)
    spent = {"draw": 0.0, "grade": 0.0}
    rows: list[Row] = []

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            began = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[name] += perf_counter() - began

        return call

    def coarse(completions: list[str], number: list[int], **_: Any) -> list[float]:
        pairs = list(zip(number, completions, strict=True))
        unique = list(dict.fromkeys(pairs))  # as our side: equal programs are graded once
        graded = grader.grade_many((text, chosen_tasks[at].problem) for at, text in unique)
        scores = {
            pair: each.score.coarse if isinstance(each, cf.Report) else math.nan
            for pair, each in zip(unique, graded, strict=True)
        }
        return [scores[pair] for pair in pairs]

    class Clock(transformers.TrainerCallback):
        began = 0.0

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.began = perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            now = perf_counter()
            rows.append({"seconds": now - self.began, **spent})
            self.began = now
            spent.update(draw=0.0, grade=0.0)

        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            if "loss" in logs:
                rows[-1]["tokens"] = logs["completions/mean_length"] * _BATCH
                rows[-1] |= {key: logs[key] for key in ("reward", "loss", "grad_norm")}

    coarse.__name__ = "coarse"
    policy.model.generate = timed("draw", policy.model.generate)  # type: ignore[method-assign]
    with cf.Grader(workers=threads, limits={"cpu_seconds": _CPU_SECONDS}, reuse=True) as grader:
        reward = timed("grade", coarse)
        reward.__name__ = "coarse"
        passes = _BATCH // chosen["per_device_train_batch_size"]
        trainer = trl.GRPOTrainer(
            model=policy.model,
            processing_class=policy.tokenizer,
            reward_funcs=reward,
            train_dataset=datasets.Dataset.from_list(
                [
                    {"prompt": template.render(task.fields), "number": number}
                    for number, task in enumerate(chosen_tasks)
                ]
            ),
            callbacks=[Clock()],
            args=trl.GRPOConfig(
                output_dir=str(folder / "trl"),
                gradient_accumulation_steps=passes,
                max_steps=steps,
                num_generations=_SAMPLES,
                max_completion_length=_LONGEST,
                shuffle_dataset=False,
                learning_rate=_RATE,
                lr_scheduler_type="constant",
                weight_decay=0.0,
                max_grad_norm=1.0,
                beta=0.0,
                epsilon=0.2,
                epsilon_high=0.28,
                loss_type="dapo",
                scale_rewards="group",
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                **chosen,
            ),
        )
        trainer.train()
    return rows
