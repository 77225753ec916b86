"""Programs drawn from the policy, graded while the model works on, and labelled for the loss."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from time import perf_counter
from typing import Any

import torch

import codefeedback as cf
from rltf_train.advantages import advantages, baseline
from rltf_train.config import Config, Fine, Grading
from rltf_train.data import Prompts, Task
from rltf_train.engines import Engine, Generation
from rltf_train.errors import TrainError
from rltf_train.rewards import Reward, fine_weights, reward
from rltf_train.rollouts import Sample

_SCORES = ("coarse", "adaptive", "passed", "total")
SHOWN = 4  #: samples of a refresh that are kept for the report


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """A drawn program with what codefeedback says of it."""

    task: Task
    prompt_ids: tuple[int, ...]
    generation: Generation
    decoded: cf.Decoded
    result: cf.Report | cf.Ungraded


def make_grader(config: Grading, fine: Fine, *, weight: float, executed: bool) -> cf.Grader:
    """A grader that finds out what the loss will use, and no more."""
    limits = {"cpu_seconds": config.cpu_seconds, "memory_bytes": config.memory_bytes}
    static = weight > 0 and (fine.flakes > 0 or fine.cst > 0)
    try:
        return cf.Grader(
            workers=config.workers or torch.get_num_threads(),
            limits={key: value for key, value in limits.items() if value is not None},
            reuse=config.reuse,
            granularity=config.granularity,
            allow_weak_sandbox=config.allow_weak_sandbox,
            analysis="failing" if static else "never",
            blame=fine.blame_formula if weight > 0 and fine.blame > 0 else None,
            coverage=executed,
        )
    except cf.CodeFeedbackError as error:
        raise TrainError(f"grading: {error}") from None


class Pipeline:
    """Draws programs, and has them graded by codefeedback's processes in the meantime.

    Grading follows drawing in chunks of `chunk` programs, one chunk at a time; who draws decides
    how many wait. `waited` counts the seconds in which nothing but grades was waited for.
    """

    def __init__(
        self, engine: Engine, grader: cf.Grader, tokenizer: Any, *, chunk: int, longest: int
    ) -> None:
        self._engine = engine
        self._grader = grader
        self._tokenizer = tokenizer
        self._chunk = chunk
        self._longest = longest
        self._thread = ThreadPoolExecutor(1, "grading")
        self.waited = 0.0

    def update(self, version: int) -> None:
        """The weights have changed."""
        self._engine.update(version)

    def start(
        self,
        rows: Sequence[tuple[Task, tuple[int, ...]]],
        *,
        temperature: float,
        top_p: float,
        extract: str,
        progress: Callable[[int], None] = lambda done: None,
    ) -> list[Future[list[Graded]]]:
        """Draws a program for each (task, prompt). The futures hold them graded, in order."""
        futures = []
        for at in range(0, len(rows), self._chunk):
            chunk = rows[at : at + self._chunk]
            drawn = self._engine.generate(
                [ids for _, ids in chunk],
                temperature=temperature,
                top_p=top_p,
                max_tokens=self._longest,
            )
            futures.append(self._thread.submit(self._graded, chunk, drawn, extract))
            progress(len(chunk))
        return futures

    def finish(self, futures: Iterable[Future[list[Graded]]]) -> list[Graded]:
        start = perf_counter()
        try:
            return [graded for future in futures for graded in future.result()]
        finally:
            self.waited += perf_counter() - start

    def _graded(
        self,
        rows: Sequence[tuple[Task, tuple[int, ...]]],
        drawn: Sequence[Generation],
        extract: str,
    ) -> list[Graded]:
        decoded = [cf.decode(self._tokenizer, each.ids) for each in drawn]
        # Equal programs for one problem are graded once.
        keys = [
            (id(task), text.text, each.truncated)
            for (task, _), text, each in zip(rows, decoded, drawn, strict=True)
        ]
        items = {}
        for key, (task, _) in zip(keys, rows, strict=True):
            assert task.problem is not None, "tasks to practise on have tests"
            _, program, truncated = key
            completion = cf.Completion(text=program, policy=extract, truncated=truncated)
            items[key] = (completion, task.problem)
        results = dict(zip(items, self._grader.grade_many(items.values()), strict=True))
        return [
            Graded(task=task, prompt_ids=ids, generation=each, decoded=text, result=results[key])
            for (task, ids), each, text, key in zip(rows, drawn, decoded, keys, strict=True)
        ]

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._grader.close()
        self._engine.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Samples for the buffer, numbers about them, and a few of them to look at."""

    samples: list[Sample]
    numbers: dict[str, float]
    shown: list[dict[str, Any]]


class Collector:
    """Refreshes of the online buffer: which problems come next, and how their programs are
    labelled. `tasks` are this process's share; each pass over them is in another order."""

    def __init__(
        self, config: Config, pipeline: Pipeline, tasks: Sequence[Task], prompts: Prompts
    ) -> None:
        self._config = config
        self._pipeline = pipeline
        self._tasks = tasks
        self._prompts = prompts
        self._waiting: deque[tuple[int, list[Future[list[Graded]]]] | Refresh] = deque()
        self._cursor = 0  # problems drawn for
        self._best: dict[str, Reward] = {}

    @property
    def ahead(self) -> int:
        """Refreshes that are drawn and not taken."""
        return len(self._waiting)

    def draw(self, version: int, problems: int) -> None:
        """Draws one refresh for the next problems, and lets it be graded."""
        sampling, extract = self._config.sampling, self._config.data.extract
        places = range(self._cursor, self._cursor + problems)
        self._cursor += problems
        tasks = [
            self._tasks[shuffled(len(self._tasks), each, self._config.seed)] for each in places
        ]
        rows = [(task, self._prompts.ids(task)) for task in tasks]
        futures = self._pipeline.start(
            [row for row in rows for _ in range(sampling.samples)],
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            extract=extract,
        )
        if self._config.loss.baseline == "greedy":
            futures += self._pipeline.start(rows, temperature=0.0, top_p=1.0, extract=extract)
        self._waiting.append((version, futures))

    def take(self) -> Refresh:
        """The oldest refresh, labelled. Waits until its programs are graded."""
        oldest = self._waiting.popleft()
        return oldest if isinstance(oldest, Refresh) else self._labelled(*oldest)

    def state(self) -> dict[str, Any]:
        """All that is to come depends on. Waits until everything that was drawn is graded."""
        self._waiting = deque([self.take() for _ in range(self.ahead)])
        waiting = [
            ([sample.state() for sample in each.samples], each.numbers, each.shown)
            for each in self._waiting
            if isinstance(each, Refresh)
        ]
        best = {name: (each.coarse, each.adaptive) for name, each in self._best.items()}
        return {"cursor": self._cursor, "best": best, "waiting": waiting}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._cursor = state["cursor"]
        self._best = {name: Reward(coarse=c, adaptive=a) for name, (c, a) in state["best"].items()}
        self._waiting = deque(
            Refresh(samples=[Sample(**each) for each in samples], numbers=numbers, shown=shown)
            for samples, numbers, shown in state["waiting"]
        )

    def _labelled(self, version: int, futures: Sequence[Future[list[Graded]]]) -> Refresh:
        graded = self._pipeline.finish(futures)
        samples = self._label(graded, version)
        numbers = _numbers(graded[: len(samples)])
        blamed = sum(int(each.fine_T.count_nonzero()) for each in samples)
        numbers["span/tokens"] = blamed / sum(len(each.response_ids) for each in samples)
        numbers["advantage/zero"] = fmean(not each.coarse_T.any() for each in samples)
        step = self._config.sampling.samples
        shown = [
            self._shown(graded[at], samples[at]) for at in range(0, len(samples), step)[:SHOWN]
        ]
        return Refresh(samples=samples, numbers=numbers, shown=shown)

    def _shown(self, each: Graded, sample: Sample) -> dict[str, Any]:
        """A sample as the report shows it."""
        loss, report = self._config.loss, each.result
        fine_T = loss.fine * sample.fine_T
        total_T = fine_T + loss.coarse * sample.coarse_T + loss.adaptive * sample.adaptive_T
        text, offsets = each.decoded.text, each.decoded.offsets
        return {
            "step": sample.policy_version,
            "policy_version": sample.policy_version,
            "problem": sample.problem,
            "prompt": each.task.fields["question"],
            "pieces": [text[start:end] for start, end in offsets],
            "weights": total_T.tolist(),
            "fine": fine_T.tolist(),
            "truncated": sample.truncated,
            **(_told(report) if isinstance(report, cf.Report) else {"verdict": "ungraded"}),
        }

    def _label(self, graded: Sequence[Graded], version: int) -> list[Sample]:
        count = self._config.sampling.samples
        groups = len(graded) // (count + (self._config.loss.baseline == "greedy"))
        samples: list[Sample] = []
        for number in range(groups):
            group = graded[number * count : (number + 1) * count]
            greedy = graded[groups * count + number] if len(graded) > groups * count else None
            samples += self._label_group(group, greedy, version)
        return samples

    def _label_group(
        self, group: Sequence[Graded], greedy: Graded | None, version: int
    ) -> list[Sample]:
        mode = self._config.loss.adaptive_mode
        rewards = [reward(each.result, mode) for each in group]
        known = [each for each in rewards if each is not None]
        best = self._best.get(group[0].task.id)
        base = reward(greedy.result, mode) if greedy else None
        if known:
            everything = [*known, *([best] if best else [])]
            self._best[group[0].task.id] = Reward(
                coarse=max(each.coarse for each in everything),
                adaptive=max(each.adaptive for each in everything),
            )
        coarse = self._advantages([each.coarse for each in known], best, base, "coarse")
        adaptive = self._advantages([each.adaptive for each in known], best, base, "adaptive")
        pairs = iter(zip(coarse, adaptive, strict=True))
        return [
            self._sample(each, *(next(pairs) if value else (0.0, 0.0)), version)
            for each, value in zip(group, rewards, strict=True)
        ]

    def _advantages(
        self, rewards: Sequence[float], best: Reward | None, greedy: Reward | None, name: str
    ) -> list[float]:
        rewards_N = torch.tensor(rewards, dtype=torch.float64)
        baseline_N = baseline(
            self._config.loss.baseline,
            rewards_N,
            best=getattr(best, name, None),
            greedy=getattr(greedy, name, None),
        )
        return advantages(rewards_N, baseline_N, scale=self._config.loss.scale).tolist()

    def _sample(self, each: Graded, coarse: float, adaptive: float, version: int) -> Sample:
        loss, report = self._config.loss, each.result
        length = len(each.generation.ids)
        mask_T = torch.ones(length)
        fine_T = torch.zeros(length)
        if isinstance(report, cf.Report):
            if loss.mask == "executed":
                mask_T = torch.tensor(report.executed_mask(each.decoded), dtype=torch.float32)
            if loss.fine:
                fine_T = torch.tensor(self._fine(report, each), dtype=torch.float32)
        return Sample(
            problem=each.task.id,
            prompt_ids=each.prompt_ids,
            response_ids=each.generation.ids,
            old_logprobs_T=torch.tensor(each.generation.logprobs, dtype=torch.float32),
            coarse_T=coarse * mask_T,
            fine_T=fine_T,
            adaptive_T=adaptive * mask_T,
            policy_version=version,
            truncated=each.generation.truncated,
            graded=isinstance(report, cf.Report),
            passed=isinstance(report, cf.Report) and report.verdict is cf.Verdict.AC,
        )

    def _fine(self, report: cf.Report, each: Graded) -> list[float]:
        terms, problem = self._config.loss.fine_terms, each.task.problem
        return fine_weights(
            report,
            each.decoded,
            reward=terms.reward,
            alpha=None if terms.alpha == "none" else terms.alpha,
            origins={"flakes": terms.flakes, "cst": terms.cst, "blame": terms.blame},
            locate=terms.locate,
            prompt=problem.prompt if problem else "",
        )


@lru_cache(maxsize=4)
def _order(count: int, turn: int, seed: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed}/{turn}").shuffle(order)
    return order


def shuffled(count: int, place: int, seed: int) -> int:
    """Which of `count` things stands at `place` of an endless sequence of shuffled passes."""
    turn, index = divmod(place, count)
    return _order(count, turn, seed)[index]


def _told(report: cf.Report) -> dict[str, Any]:
    findings = [
        {"scope": each.scope.value, "kind": each.kind, "message": each.message}
        for each in report.findings
    ]
    score = {name: getattr(report.score, name) for name in _SCORES}
    return {"verdict": report.verdict.value, **score, "findings": findings}


def verdict_shares(graded: Sequence[Graded]) -> dict[str, float]:
    """The share of each verdict among all programs, those that were not graded included."""
    names = [each.result.verdict.value if isinstance(each.result, cf.Report) else "ungraded"
             for each in graded]  # fmt: skip
    counts = Counter(names)
    return {
        f"verdict/{name}": counts[name] / max(len(names), 1) for name in (*cf.Verdict, "ungraded")
    }


def _numbers(graded: Sequence[Graded]) -> dict[str, float]:
    """What a refresh looks like, for the metrics."""
    reports = [each.result for each in graded if isinstance(each.result, cf.Report)]
    if not reports:
        why = next(each.result.reason for each in graded if isinstance(each.result, cf.Ungraded))
        raise TrainError(f"not one of {len(graded)} programs could be graded: {why}")
    lengths = [len(each.generation.ids) for each in graded]
    scopes = Counter(finding.scope for report in reports for finding in report.findings)
    return {
        "reward/coarse": fmean(each.score.coarse for each in reports),
        "reward/adaptive": fmean(each.score.adaptive for each in reports),
        "reward/pass": fmean(each.verdict is cf.Verdict.AC for each in reports),
        **verdict_shares(graded),
        **{
            f"span/{scope.name.lower()}": scopes[scope] / max(scopes.total(), 1)
            for scope in cf.Scope
        },
        "length/mean": fmean(lengths),
        "length/truncated": fmean(each.generation.truncated for each in graded),
    }
