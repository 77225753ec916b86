"""Programs drawn from the policy, and graded by codefeedback while the model works on."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import codefeedback as cf
from rltf_train.config import Fine, Grading
from rltf_train.data import Task
from rltf_train.engines import Engine, Generation
from rltf_train.errors import TrainError

Prompted = tuple[Task, tuple[int, ...]]

#: Chunks that wait for their grades at most: who draws faster than that waits.
QUEUE = 128


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
            workers=config.workers,
            sandbox=config.sandbox,
            image=config.image,
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
    """Draws programs in chunks; a chunk is graded while the next ones are drawn, and later.

    `waited` counts the seconds in which nothing but grades was waited for.
    """

    def __init__(
        self, engine: Engine, grader: cf.Grader, tokenizer: Any, *, chunk: int, longest: int
    ) -> None:
        self._engine, self._grader, self._tokenizer = engine, grader, tokenizer
        self._chunk, self._longest = chunk, longest
        # Two chunks at a time, so that the last programs of one do not leave a worker idle.
        self._threads = ThreadPoolExecutor(2, "grading")
        self._queue: deque[Future[list[Graded]]] = deque()
        self.waited = 0.0

    def update(self, version: int) -> None:
        """The weights have changed."""
        self._engine.update(version)

    def start(
        self,
        rows: Sequence[Prompted],
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
            prompts = [ids for _, ids in chunk]
            drawn = self._engine.generate(
                prompts, temperature=temperature, top_p=top_p, max_tokens=self._longest
            )
            if len(self._queue) == QUEUE:
                self.finish([self._queue.popleft()])
            futures.append(self._threads.submit(self._graded, chunk, drawn, extract))
            self._queue.append(futures[-1])
            progress(len(chunk))
        return futures

    def finish(self, futures: Iterable[Future[list[Graded]]]) -> list[Graded]:
        start = perf_counter()
        try:
            return [graded for future in futures for graded in future.result()]
        finally:
            self.waited += perf_counter() - start

    def _graded(
        self, rows: Sequence[Prompted], drawn: Sequence[Generation], extract: str
    ) -> list[Graded]:
        decoded = [cf.decode(self._tokenizer, each.ids) for each in drawn]
        # Equal programs for one problem are graded once.
        keys, items = [], {}
        for (task, _), text, each in zip(rows, decoded, drawn, strict=True):
            assert task.problem is not None, "tasks that programs are drawn for have tests"
            keys.append((id(task), text.text, each.truncated))
            program = cf.Completion(text=text.text, policy=extract, truncated=each.truncated)
            items[keys[-1]] = (program, task.problem)
        results = dict(zip(items, self._grader.grade_many(items.values()), strict=True))
        return [
            Graded(task=task, prompt_ids=ids, generation=each, decoded=text, result=results[key])
            for (task, ids), each, text, key in zip(rows, drawn, decoded, keys, strict=True)
        ]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._grader.sandbox.close()  # what is being graded ends now, and its threads with it
        self._threads.shutdown()
        self._grader.close()
        self._engine.close()


def verdict_shares(graded: Sequence[Graded]) -> dict[str, float]:
    """The share of each verdict among all programs, those that were not graded included."""
    reports = [each.result for each in graded if isinstance(each.result, cf.Report)]
    counts = Counter(report.verdict.value for report in reports)
    counts["ungraded"] = len(graded) - len(reports)
    names = (*cf.Verdict, "ungraded")
    return {f"verdict/{name}": counts[name] / max(len(graded), 1) for name in names}
