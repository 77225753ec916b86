"""A sampled program and all that training needs of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One program, labelled. T is the number of sampled ids, the end token included.

    `coarse_T`, `fine_T` and `adaptive_T` are what each term of the loss multiplies log p of each
    token with (an advantage, mask and alpha applied). An ungraded program has `graded` False: it
    counts nowhere. `policy_version`: steps that the sampling policy had taken.
    """

    problem: str
    prompt_ids: tuple[int, ...]
    response_ids: tuple[int, ...]
    old_logprobs_T: Tensor
    coarse_T: Tensor
    fine_T: Tensor
    adaptive_T: Tensor
    policy_version: int
    truncated: bool
    graded: bool
    passed: bool

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}
