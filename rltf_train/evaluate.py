"""pass@k of a policy on held-out problems, by the sampler and the grader that training uses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

import codefeedback as cf
from rltf_train.config import Evaluation
from rltf_train.data import Prompts, Task
from rltf_train.pipeline import Pipeline, verdict_shares


def evaluate(
    accelerator: Accelerator,
    pipeline: Pipeline,
    tasks: Sequence[Task],
    prompts: Prompts,
    config: Evaluation,
    *,
    extract: str,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, float]:
    """pass@k and the shares of verdicts. A program that was not graded counts as none: it lowers
    the number of samples of its problem, which is left out where too few remain for k.

    Draws from a random stream of its own, so that it changes nothing in training.
    """
    rank, processes = accelerator.process_index, accelerator.num_processes
    rows = [(task, prompts.ids(task)) for task in tasks[rank::processes]]
    with torch.random.fork_rng():
        torch.manual_seed(seed * processes + rank)
        futures = pipeline.start(
            [row for row in rows for _ in range(config.samples)],
            temperature=config.temperature,
            top_p=config.top_p,
            extract=extract,
            progress=progress,
        )
    graded = pipeline.finish(futures)
    outcomes: dict[int, list[bool]] = defaultdict(list)
    for each in graded:
        if isinstance(each.result, cf.Report):
            outcomes[id(each.task)].append(each.result.verdict is cf.Verdict.AC)
    told = [(list(outcomes.values()), verdict_shares(graded), len(graded))]
    everyone = gather_object(told) if processes > 1 else told
    counts = [passed for lists, _, _ in everyone for passed in lists]
    drawn = sum(count for _, _, count in everyone)
    numbers = {"eval/problems": float(len(tasks)), "eval/samples": float(config.samples)}
    for k in config.k:
        estimates = [cf.pass_at_k(len(each), sum(each), k) for each in counts if len(each) >= k]
        numbers[f"eval/pass@{k}"] = fmean(estimates) if estimates else float("nan")
    for name in everyone[0][1]:
        numbers[name] = sum(shares[name] * count for _, shares, count in everyone) / drawn
    return numbers
