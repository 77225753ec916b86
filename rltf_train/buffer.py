"""The online buffer: labelled samples, new ones in at one end, old ones out at the other."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from rltf_train.rollouts import Sample


class OnlineBuffer:
    """At most `size` samples. Every process has its own.

    `eviction`: "fifo" drops the oldest; "random-oldest" drops at random among the samples of the
    oldest policy, as RLTF's released code does. Batches go through the buffer in shuffled passes,
    each sample once; `refill` begins a new pass.
    """

    def __init__(self, size: int, *, eviction: str = "fifo", seed: int = 0) -> None:
        self._size = size
        self._eviction = eviction
        self._random = random.Random(seed)
        self._samples: list[Sample] = []
        self._order: list[int] = []

    def __len__(self) -> int:
        return len(self._samples)

    def refill(self, samples: Sequence[Sample]) -> None:
        self._samples.extend(samples)
        while len(self._samples) > self._size:
            self._samples.pop(self._leaving())
        self._order = []

    def _leaving(self) -> int:
        if self._eviction == "fifo":
            return 0
        oldest = self._samples[0].policy_version
        chunk = sum(sample.policy_version == oldest for sample in self._samples)
        return self._random.randrange(chunk)

    def batch(self, count: int, version: int, *, max_staleness: int | None = None) -> list[Sample]:
        """The next `count` samples of the pass. Fewer only where all are too stale or none are."""
        if max_staleness is not None:
            fresh = [
                each for each in self._samples if version - each.policy_version <= max_staleness
            ]
            if len(fresh) < len(self._samples):
                self._samples, self._order = fresh, []
        chosen: list[Sample] = []
        while self._samples and len(chosen) < count:
            if not self._order:
                self._order = list(range(len(self._samples)))
                self._random.shuffle(self._order)
            chosen.append(self._samples[self._order.pop()])
        return chosen

    def ages(self, version: int) -> list[int]:
        """How many steps ago each sample's policy was the current one."""
        return [version - sample.policy_version for sample in self._samples]

    def passed(self) -> list[Sample]:
        return [sample for sample in self._samples if sample.passed]

    def state(self) -> dict[str, Any]:
        return {
            "samples": [sample.state() for sample in self._samples],
            "order": list(self._order),
            "random": self._random.getstate(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._samples = [Sample(**values) for values in state["samples"]]
        self._order = list(state["order"])
        self._random.setstate(state["random"])
