"""Measures a step of reinforcement learning: our trainer and TRL's GRPOTrainer on the same work.

    python -m venv trl && trl/bin/pip install -c constraints.txt -e '.[train]' trl==1.16.0
    trl/bin/python benchmarks/grpo.py --model runs/microapps/sft

The work is that of examples/microapps with GRPO's advantages, 16 problems times 8 programs a step:
the same model, prompts, grader, loss and optimizer on both sides, on the CPU. In a round each side
runs in a fresh process, in turn; its first 2 steps do not count. Without --model, one is warmed up.
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

_EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "microapps" / "rltf.yaml"
_WARM_UP = 2  # steps that are not counted
_SFT_STEPS = 150  # so that most programs end in time; right they need not be
_SAME_LENGTH = 0.1  # by how much mean lengths may differ
_BATCH = 128
_SETTINGS = [
    "eval.data=null", "checkpoint.every=1000000", "sampling.problems=16", "sampling.samples=8",
    "sampling.batch_size=128", "buffer.size=128", "loss.scale=group-std",
    "rl.optim.batch_size=128", "rl.optim.schedule=constant", "rl.optim.warmup_steps=0",
    "rl.optim.lr=1.0e-6",  # so low that lengths stay as they are
]  # fmt: skip
#: What each side is free to choose; the figure is of our first and of TRL's best. With `ahead`,
#: the next step's programs are graded during this one, so they are drawn a step earlier.
OURS: dict[str, list[str]] = {
    "rltf_train": ["rl.optim.micro_batch_size=32", "sampling.ahead=1"],
    "rltf_train, nothing ahead": ["rl.optim.micro_batch_size=32", "sampling.ahead=0"],
}
TRL = {"TRL, one pass of 128": 128, "TRL, 2 passes of 64": 64, "TRL, 4 passes of 32": 32}
_PACKAGES = ("rltf-codefeedback", "trl", "torch", "transformers", "accelerate")

#: Of a step: seconds, those to draw and to wait for grades, tokens drawn, reward, loss, grad_norm.
Row = dict[str, float]


def ours(config: Any) -> list[Row]:
    from rltf_train.train import Trainer

    with Trainer(config) as trainer:
        trainer.supervised()
        trainer.reinforce()
    rows, ended = [], 0.0
    for line in (Path(config.output) / "metrics.jsonl").read_text().splitlines():
        step = json.loads(line)
        if step["stage"] == "rl":
            row = {"draw": step["time/draw"], "wait": step["time/wait"]}
            row |= {"tokens": step["length/mean"] * _BATCH, "reward": step["reward/coarse"]}
            row |= {"loss": step["loss/total"], "grad_norm": step["grad_norm"]}
            # From the end of a step to the end of the next, so that logging counts as well.
            rows.append({**row, "seconds": step["seconds"] - ended})
        ended = step["seconds"]
    return rows


def theirs(config: Any, programs_in_a_pass: int) -> list[Row]:
    import torch
    import transformers

    from rltf_train import policy
    from rltf_train.collect import shuffled
    from rltf_train.data import Template, load_tasks
    from rltf_train.pipeline import make_grader

    trl: Any = importlib.import_module("trl")
    datasets: Any = importlib.import_module("datasets")
    torch.set_num_threads(config.threads)
    sampling, loss, optim = config.sampling, config.loss, config.rl.optim
    everything, template = load_tasks(config.data.train), Template.named(config.data.template)
    places = range(config.rl.steps * sampling.problems)
    tasks = [everything[shuffled(len(everything), place, config.seed)] for place in places]
    problems: list[Any] = [task.problem for task in tasks]
    prompts = [{"prompt": template.render(each.fields), "task": n} for n, each in enumerate(tasks)]
    loaded = policy.load(config.model)
    model: Any = loaded.model
    rows: list[Row] = []
    spent = {"draw": 0.0, "wait": 0.0}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            began = perf_counter()
            result = function(*args, **kwargs)
            spent[name] += perf_counter() - began
            return result

        call.__name__ = name
        return call

    def rewards(completions: list[str], task: list[int], **_: Any) -> list[float]:
        programs = list(zip(completions, task, strict=True))
        unique = list(dict.fromkeys(programs))  # equal ones are graded once, as on our side
        results = grader.grade_many((text, problems[number]) for text, number in unique)
        scores = [getattr(each, "score", None) for each in results]
        coarse = [math.nan if score is None else score.coarse for score in scores]
        coarse_of = dict(zip(unique, coarse, strict=True))
        return [coarse_of[program] for program in programs]

    class Clock(transformers.TrainerCallback):
        ended = perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            now = perf_counter()
            rows.append({"seconds": now - self.ended, **spent})
            self.ended = now
            spent.update(draw=0.0, wait=0.0)

        def on_log(self, *_: Any, **values: Any) -> None:
            logs = values["logs"]
            if "loss" in logs:  # not in the summary at the end
                rows[-1]["tokens"] = logs["completions/mean_length"] * _BATCH
                rows[-1] |= {key: logs[key] for key in ("reward", "loss", "grad_norm")}

    arguments = trl.GRPOConfig(
        output_dir=config.output, max_steps=config.rl.steps, logging_steps=1, save_strategy="no",
        report_to="none", disable_tqdm=True, shuffle_dataset=False,
        use_cpu=True, bf16=False, gradient_checkpointing=False,
        per_device_train_batch_size=programs_in_a_pass,
        gradient_accumulation_steps=optim.batch_size // programs_in_a_pass,
        num_generations=sampling.samples, max_completion_length=config.model.max_response_tokens,
        temperature=sampling.temperature, top_p=sampling.top_p, top_k=0,
        learning_rate=optim.lr, lr_scheduler_type=optim.schedule, max_grad_norm=optim.grad_clip,
        weight_decay=optim.weight_decay, adam_beta1=optim.betas[0], adam_beta2=optim.betas[1],
        beta=0.0, epsilon=loss.clip_low, epsilon_high=loss.clip_high,
        scale_rewards="group", loss_type="dapo",  # the mean over the tokens of a step
    )  # fmt: skip
    model.generate = timed("draw", model.generate)
    with make_grader(config.grading, loss.fine_terms, weight=0.0, executed=False) as grader:
        trl.GRPOTrainer(
            model=model, processing_class=loaded.tokenizer, args=arguments,
            train_dataset=datasets.Dataset.from_list(prompts), callbacks=[Clock()],
            reward_funcs=timed("wait", rewards),
        ).train()  # fmt: skip
    return rows


def run(job: dict[str, Any]) -> None:
    """One side in this process, on the data beside its folder; without a model the warm start."""
    from rltf_train.config import load
    from rltf_train.startup import prepare

    side, model, threads = job["side"], job["model"], job["threads"]
    data = Path(job["folder"]).parent / "data"
    chosen = [f"output={job['folder']}", f"threads={threads}", f"grading.workers={threads}"]
    chosen += [f"prepare.args=[--train=400, --heldout=1, --sft={64 * _SFT_STEPS}]"]
    chosen += [f"prepare.out={data}", f"model.name={model or data / 'model'}"]
    chosen += [f"data.train={data / 'train.jsonl'}", f"data.sft={data / 'sft.jsonl'}"]
    chosen += [f"sft.steps={0 if model else _SFT_STEPS}", f"rl.steps={job['steps'] * bool(model)}"]
    chosen += ["model.init=pretrained"] if model else []
    config: Any = load(_EXAMPLE, [*_SETTINGS, *chosen, *OURS.get(side, []), *job["settings"]])
    prepare(config.prepare)
    rows = theirs(config, TRL[side]) if side in TRL else ours(config)
    Path(job["folder"]).with_suffix(".json").write_text(json.dumps(rows))


def in_process(job: dict[str, Any]) -> list[Row]:
    """`run` in a process of its own, and whether it did what it should."""
    side, steps = job["side"], job["steps"]
    extra = {"OMP_NUM_THREADS": str(job["threads"]), "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, __file__, "--job", json.dumps(job)]
    done = subprocess.run(command, env=os.environ | extra, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f"{side}: exit {done.returncode}:\n{done.stderr[-3000:]}")
    rows: list[Row] = json.loads(Path(job["folder"]).with_suffix(".json").read_text())
    if job["model"]:
        finite = all(math.isfinite(number) for row in rows for number in row.values())
        check(len(rows) == steps, f"{side}: {len(rows)} optimizer steps, not {steps}")
        check(finite, f"{side}: numbers that are not finite")
        check(any(row["grad_norm"] > 0 for row in rows), f"{side}: there never was a gradient")
    return rows


def rate(rows: list[Row]) -> float:
    return statistics.median(row["tokens"] / row["seconds"] for row in rows)


def compare(rounds: dict[str, list[list[Row]]]) -> Figure:
    """Prints all sides; the figure is of our first and of the best of TRL's."""
    click.echo(f"{'side':<27}{'s/step [quartiles]':<24}draw  wait  rest  tokens/s  length  ratio")
    rows_of = {side: [row for rows in each for row in rows] for side, each in rounds.items()}
    ours = next(iter(OURS))
    first = rows_of[ours]
    for side, rows in rows_of.items():
        draw, wait, whole = (
            statistics.median(row[key] for row in rows) for key in ("draw", "wait", "seconds")
        )
        length, usual = (statistics.fmean(r["tokens"] for r in each) for each in (rows, first))
        click.echo(
            f"{side:<27}{spread([row['seconds'] for row in rows]):<24}{draw:4.2f}  {wait:4.2f}  "
            f"{whole - draw - wait:4.2f}  {rate(rows):8.0f}  {length / _BATCH:6.1f}  "
            f"{rate(first) / rate(rows):5.2f}"
        )
        check(abs(length / usual - 1) <= _SAME_LENGTH, f"{side}: programs of another length")
    best = max(TRL, key=lambda side: rate(rows_of[side]))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    seconds = [statistics.median(row["seconds"] for row in rows_of[name]) for name in (ours, best)]
    return Figure(
        name="grpo", unit="tokens/s", target=1.2, at_least=True,
        ours=[rate(rows) for rows in rounds[ours]], theirs=[rate(rows) for rows in rounds[best]],
        more={"best_of_TRL": best, "step_time_theirs_over_ours": round(seconds[1] / seconds[0], 3),
              "versions": ", ".join(versions)},
    )  # fmt: skip


@click.command(help=__doc__)
@click.option("--model", type=click.Path(exists=True, file_okay=False, resolve_path=True))
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--steps", type=click.IntRange(_WARM_UP + 1), default=8, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=len(os.sched_getaffinity(0)))
@click.option("--set", "settings", multiple=True, help="of the example's settings, e.g. a.b=c")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path))
def main(json_file: Path | None, rounds: int, **work: Any) -> None:
    if importlib.util.find_spec("trl") is None:
        click.echo("TRL is not installed here: pip install trl==1.16.0", err=True)
        sys.exit(2)
    results: dict[str, list[list[Row]]] = {side: [] for side in [*OURS, *TRL]}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as root:
        if work["model"] is None:
            in_process(work | {"side": "warm start", "folder": f"{root}/warm"})
            work["model"] = f"{root}/warm/sft"
        for number in range(rounds):
            for side, each in results.items():
                rows = in_process(work | {"side": side, "folder": f"{root}/{number} {side}"})
                each.append(rows[_WARM_UP:])
                click.echo(f"round {number + 1}, {side}: {rate(each[-1]):.0f} tokens/s", err=True)
    publish(compare(results), json_file)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:  # a side, in its own process
        run(json.loads(sys.argv[2]))
    else:
        main()
