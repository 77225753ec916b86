"""What a run is made of, and the folder it is kept in."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
import yaml
from accelerate import Accelerator
from accelerate.utils import set_seed

from rltf_train import checkpoint
from rltf_train.config import Config, Prepare, dump
from rltf_train.data import Prompts, Task, Template, load_tasks
from rltf_train.engines import Engine, HuggingFaceEngine, VllmEngine
from rltf_train.errors import TrainError
from rltf_train.evaluate import evaluate
from rltf_train.pipeline import Pipeline, make_grader
from rltf_train.policy import Policy, load
from rltf_train.progress import Progress
from rltf_train.update import Pair

# What may change when a run is resumed: nothing that the numbers depend on.
_FREE = ("checkpoint", "tracker", "output")


def make_accelerator(config: Config) -> Accelerator:
    """Also checks what must divide evenly, and quiets what others would print into our bar."""
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("accelerate").setLevel(logging.ERROR)  # tied weights, at each checkpoint
    if config.tracker is not None and find_spec(config.tracker) is None:
        raise TrainError(f"tracker: pip install {config.tracker}")
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),
        mixed_precision="bf16" if config.model.precision == "bf16" else "no",
        log_with=config.tracker,
        project_dir=config.output,
    )
    processes = accelerator.num_processes
    shares = {
        "sampling.problems": config.sampling.problems,
        "buffer.size": config.buffer.size,
        "sft.optim.batch_size": config.sft.optim.batch_size,
        "rl.optim.batch_size": config.rl.optim.batch_size,
    }
    for key, value in shares.items():
        if value % processes:
            raise TrainError(f"{key}: got {value}; {processes} processes must share it equally")
    whole = accelerator.distributed_type not in ("FSDP", "MEGATRON_LM")
    stage = getattr(accelerator.state.deepspeed_plugin, "zero_stage", 0)
    if config.sampling.engine == "hf" and not (whole and stage < 3):
        raise TrainError("sampling.engine: hf needs whole weights in each process; use vllm")
    accelerator.init_trackers("rltf", config=dict(_flat(config.model_dump(mode="json"))))
    return accelerator


def open_run(accelerator: Accelerator, config: Config, *, resume: bool) -> None:
    """Makes the run's folder and notes the configuration. TrainError where a run is in the way, or
    the one to resume was another one."""
    run = Path(config.output)
    if checkpoint.exists(run) and not resume:
        raise TrainError(f"{run} holds a run: go on with --resume, or choose another output")
    described = run / "config.yaml"
    if resume and checkpoint.exists(run) and described.is_file():
        before = dict(_flat(yaml.safe_load(described.read_text("utf-8"))))
        now = dict(_flat(config.model_dump(mode="json")))
        changed = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
        changed = [key for key in changed if key.split(".")[0] not in _FREE]
        if changed:
            told = ", ".join(
                f"{key} was {before.get(key)!r}, is {now.get(key)!r}" for key in changed
            )
            raise TrainError(f"--resume: the run was another one: {told}")
    accelerator.wait_for_everyone()  # all of them look before anything is written
    if accelerator.is_main_process:
        try:
            run.mkdir(parents=True, exist_ok=True)
            described.write_text(dump(config), encoding="utf-8")
        except OSError as error:
            raise TrainError(f"output: {run}: {error.strerror}") from None


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, (int, float)) else str(value)


def prepare(config: Prepare) -> None:
    """Runs the script that makes a folder, unless that is there."""
    if Path(config.out).exists():
        return
    done = subprocess.run([sys.executable, config.script, "--out", config.out, *config.args])
    if done.returncode:
        raise TrainError(f"prepare.script: {config.script} ended with {done.returncode}")


def make_pipeline(
    config: Config, policy: Policy, save: Callable[[Path], None] | None = None
) -> Pipeline:
    """The sampler and the grader of a run. `save` writes the weights for a server to load."""
    sampling, loss = config.sampling, config.loss
    engine: Engine
    if sampling.engine == "vllm":
        engine = VllmEngine(
            sampling.url,
            config.model.name,
            eos_ids=policy.eos_ids,
            reload=None if save is None else lambda version: _saved(config, save),
            timeout_seconds=600,
        )
    else:
        engine = HuggingFaceEngine(
            policy.model,
            eos_ids=policy.eos_ids,
            pad_id=policy.pad_id,
            batch_size=sampling.batch_size,
        )
    executed = loss.mask == "executed"
    grader = make_grader(config.grading, loss.fine_terms, weight=loss.fine, executed=executed)
    longest = config.model.max_response_tokens
    return Pipeline(engine, grader, policy.tokenizer, chunk=sampling.batch_size, longest=longest)


def _saved(config: Config, save: Callable[[Path], None]) -> Path:
    folder = Path(config.output) / "served"
    save(folder)
    return folder


def make_prompts(config: Config, policy: Policy, template: str) -> Prompts:
    longest = config.model.max_prompt_tokens
    return Prompts(policy.tokenizer, Template.named(template), longest=longest)


def solutions(
    config: Config, policy: Policy, tasks: Sequence[Task], progress: Progress
) -> list[Pair]:
    """Every solution that fits, with its prompt. None are needed where nothing imitates."""
    longest = config.model.max_response_tokens
    imitates = config.rl.steps and config.loss.sl and config.loss.sl_source == "references"
    if not config.sft.steps and not imitates:
        return []
    solved = load_tasks(config.data.sft, tests=False) if config.data.sft else tasks
    prompts = make_prompts(config, policy, config.data.template)
    encoded = [
        (prompts.ids(task), policy.response_ids(text, longest))
        for task in solved
        for text in task.solutions
    ]
    pairs = [(prompt, answer) for prompt, answer in encoded if answer is not None]
    if not pairs:
        raise TrainError("data.sft: no solution that fits into model.max_response_tokens")
    if len(pairs) < len(encoded):
        left = len(encoded) - len(pairs)
        progress.say(f"{left} of {len(encoded)} solutions are too long, and left out")
    return pairs


def measure(
    config: Config,
    accelerator: Accelerator,
    policy: Policy,
    pipeline: Pipeline,
    tasks: Sequence[Task],
    progress: Callable[[int], None],
) -> dict[str, float]:
    """`evaluate` as the configuration says."""
    return evaluate(
        accelerator,
        pipeline,
        tasks,
        make_prompts(config, policy, config.eval.template or config.data.template),
        config.eval,
        extract=config.eval.extract or config.data.extract,
        seed=config.seed,
        progress=progress,
    )


def score(config: Config, progress: Progress) -> dict[str, float]:
    """pass@k of the configuration's model on its held-out problems. Trains nothing."""
    if config.eval.data is None:
        raise TrainError("eval.data: is needed to evaluate")
    if config.prepare is not None:
        prepare(config.prepare)
    set_seed(config.seed)
    accelerator = make_accelerator(config.model_copy(update={"tracker": None}))
    policy = load(config.model)
    policy.model.to(accelerator.device)
    pipeline = make_pipeline(config, policy)
    try:
        tasks = load_tasks(config.eval.data, limit=config.eval.limit)
        progress.stage("eval", len(tasks) * config.eval.samples)
        return measure(config, accelerator, policy, pipeline, tasks, progress.advance)
    finally:
        pipeline.close()
