"""Refreshes of the online buffer: drawn, graded, and labelled for the loss."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import Any

import torch

import codefeedback as cf
from rltf_train.advantages import advantages, baseline
from rltf_train.config import Config
from rltf_train.data import Prompts, Task
from rltf_train.errors import TrainError
from rltf_train.pipeline import Graded, Pipeline, verdict_shares
from rltf_train.rewards import Reward, fine_weights, reward
from rltf_train.rollouts import Sample

SHOWN = 4  #: samples of a refresh that are kept for the report


@dataclass(frozen=True, slots=True)
class Refresh:
    """Samples for the buffer, numbers about them, and a few of them to look at."""

    samples: list[Sample]
    numbers: dict[str, float]
    shown: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A refresh on its way: the policy's version, programs group by group, greedy ones."""

    version: int
    sampled: list[Future[list[Graded]]]
    greedy: list[Future[list[Graded]]]


class Collector:
    """Which problems come next, and how their programs are labelled.

    `tasks` are this process's share; each pass over them is in another order.
    """

    def __init__(
        self, config: Config, pipeline: Pipeline, tasks: Sequence[Task], prompts: Prompts
    ) -> None:
        self._config, self._pipeline = config, pipeline
        self._tasks, self._prompts = tasks, prompts
        self._waiting: deque[_Drawn | Refresh] = deque()
        self._cursor = 0  # problems drawn for
        self._best: dict[str, Reward] = {}

    @property
    def ahead(self) -> int:
        """Refreshes that are drawn and not taken."""
        return len(self._waiting)

    def draw(self, version: int, problems: int) -> None:
        """Draws one refresh for the next problems, and lets it be graded."""
        config, sampling = self._config, self._config.sampling
        places = range(self._cursor, self._cursor + problems)
        self._cursor += problems
        tasks = [self._tasks[shuffled(len(self._tasks), at, config.seed)] for at in places]
        rows = [(task, self._prompts.ids(task)) for task in tasks]
        start, extract = self._pipeline.start, config.data.extract
        sampled = start(
            [row for row in rows for _ in range(sampling.samples)],
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            extract=extract,
        )
        by_greedy = rows if config.loss.baseline == "greedy" else []
        greedy = start(by_greedy, temperature=0.0, top_p=1.0, extract=extract)
        self._waiting.append(_Drawn(version, sampled, greedy))

    def take(self) -> Refresh:
        """The oldest refresh, labelled. Waits until its programs are graded."""
        oldest = self._waiting.popleft()
        return oldest if isinstance(oldest, Refresh) else self._labelled(oldest)

    def state(self) -> dict[str, Any]:
        """All that is to come depends on. Waits until everything that was drawn is graded."""
        refreshes = [self.take() for _ in range(self.ahead)]
        self._waiting.extend(refreshes)
        waiting = [
            ([sample.state() for sample in each.samples], each.numbers, each.shown)
            for each in refreshes
        ]
        best = {name: tuple(each) for name, each in self._best.items()}
        return {"cursor": self._cursor, "best": best, "waiting": waiting}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._cursor = state["cursor"]
        self._best = {name: Reward(*each) for name, each in state["best"].items()}
        self._waiting = deque(
            Refresh([Sample(**each) for each in samples], numbers, shown)
            for samples, numbers, shown in state["waiting"]
        )

    def _labelled(self, drawn: _Drawn) -> Refresh:
        count = self._config.sampling.samples
        graded = self._pipeline.finish(drawn.sampled)
        greedy = self._pipeline.finish(drawn.greedy)
        samples: list[Sample] = []
        for at in range(0, len(graded), count):
            base = greedy[at // count].result if greedy else None
            samples += self._label(graded[at : at + count], base, drawn.version)
        shown = [self._shown(graded[at], samples[at]) for at in range(0, len(samples), count)]
        return Refresh(samples, _numbers(graded, samples), shown[:SHOWN])

    def _label(
        self, group: Sequence[Graded], greedy: cf.Report | cf.Ungraded | None, version: int
    ) -> list[Sample]:
        """The programs of one problem. One that was not graded is compared with nothing."""
        loss, name = self._config.loss, group[0].task.id
        best, base = self._best.get(name), reward(greedy, loss.adaptive_mode) if greedy else None
        rewards = [reward(each.result, loss.adaptive_mode) for each in group]
        known = [each for each in rewards if each is not None]
        rewards_N2 = torch.tensor(known, dtype=torch.float64).reshape(-1, 2)
        columns = []
        for column, rewards_N in enumerate(rewards_N2.unbind(dim=1)):
            baseline_N = baseline(
                loss.baseline,
                rewards_N,
                best=best[column] if best else None,
                greedy=base[column] if base else None,
            )
            columns.append(advantages(rewards_N, baseline_N, scale=loss.scale).tolist())
        if known:
            self._best[name] = Reward(*map(max, zip(*known, best or known[0], strict=True)))
        pairs = zip(*columns, strict=True)
        return [
            self._sample(each, version, *(next(pairs) if value else (0.0, 0.0)))
            for each, value in zip(group, rewards, strict=True)
        ]

    def _sample(self, each: Graded, version: int, coarse: float, adaptive: float) -> Sample:
        loss, report = self._config.loss, each.result
        mask_T = torch.ones(len(each.generation.ids))
        fine_T = torch.zeros_like(mask_T)
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

    def _shown(self, each: Graded, sample: Sample) -> dict[str, Any]:
        """A sample as the report shows it."""
        loss, text = self._config.loss, each.decoded.text
        fine_T = loss.fine * sample.fine_T
        total_T = fine_T + loss.coarse * sample.coarse_T + loss.adaptive * sample.adaptive_T
        return {
            "step": sample.policy_version,
            "policy_version": sample.policy_version,
            "problem": sample.problem,
            "prompt": each.task.fields["question"],
            "pieces": [text[start:end] for start, end in each.decoded.offsets],
            "weights": total_T.tolist(),
            "fine": fine_T.tolist(),
            "truncated": sample.truncated,
            **_told(each.result),
        }


@lru_cache(maxsize=4)
def _order(count: int, turn: int, seed: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed}/{turn}").shuffle(order)
    return order


def shuffled(count: int, place: int, seed: int) -> int:
    """Which of `count` things stands at `place` of an endless sequence of shuffled passes."""
    turn, index = divmod(place, count)
    return _order(count, turn, seed)[index]


def _told(result: cf.Report | cf.Ungraded) -> dict[str, Any]:
    if isinstance(result, cf.Ungraded):
        return {"verdict": "ungraded"}
    findings = [
        {"scope": each.scope.value, "kind": each.kind, "message": each.message}
        for each in result.findings
    ]
    names = ("coarse", "adaptive", "passed", "total")
    score = {name: getattr(result.score, name) for name in names}
    return {"verdict": result.verdict.value, **score, "findings": findings}


def _numbers(graded: Sequence[Graded], samples: Sequence[Sample]) -> dict[str, float]:
    """What a refresh looks like, for the metrics."""
    reports = [each.result for each in graded if isinstance(each.result, cf.Report)]
    if not reports:
        why = next(each.result.reason for each in graded if isinstance(each.result, cf.Ungraded))
        raise TrainError(f"not one of {len(graded)} programs could be graded: {why}")
    scopes = Counter(finding.scope for report in reports for finding in report.findings)
    found = max(scopes.total(), 1)
    tokens = sum(len(each.response_ids) for each in samples)
    return {
        "reward/coarse": fmean(report.score.coarse for report in reports),
        "reward/adaptive": fmean(report.score.adaptive for report in reports),
        "reward/pass": fmean(report.verdict is cf.Verdict.AC for report in reports),
        **verdict_shares(graded),
        **{f"span/{scope.name.lower()}": scopes[scope] / found for scope in cf.Scope},
        "span/tokens": sum(int(each.fine_T.count_nonzero()) for each in samples) / tokens,
        "length/mean": tokens / len(samples),
        "length/truncated": fmean(each.truncated for each in samples),
        "advantage/zero": fmean(not each.coarse_T.any() for each in samples),
    }
