"""How much better a program is than what it is compared with: R(W) - R(W_base)."""

from __future__ import annotations

import torch
from torch import Tensor


def baseline(
    kind: str, rewards_N: Tensor, *, best: float | None = None, greedy: float | None = None
) -> Tensor:
    """R(W_base) of each of the N programs of one problem. Shape (N,).

    best        the best program drawn for this problem in earlier refreshes (RLTF's paper); the
                group's mean as long as there is none
    greedy      the policy's greedy program (RLTF's released code, CodeRL); the group's mean where
                it could not be graded
    group-mean  the mean of the N (GRPO without its standard deviation)
    rloo        the mean of the others; 0 where there are none
    none        0
    """
    group = rewards_N.mean() if len(rewards_N) else rewards_N.new_zeros(())
    if kind == "rloo":
        others = max(len(rewards_N) - 1, 1)
        return (rewards_N.sum() - rewards_N) / others
    if kind == "none":
        return torch.zeros_like(rewards_N)
    known = {"best": best, "greedy": greedy, "group-mean": None}[kind]
    return (group if known is None else group.new_tensor(known)).expand(len(rewards_N)).clone()


def advantages(rewards_N: Tensor, baseline_N: Tensor, *, scale: str = "none") -> Tensor:
    """R - R_base, divided by the group's standard deviation for "group-std" (GRPO, arXiv
    2402.03300; 0 where all rewards are equal). Shape (N,)."""
    difference_N = rewards_N - baseline_N
    if scale == "none" or len(rewards_N) < 2:
        return difference_N
    if (rewards_N == rewards_N[0]).all():
        return torch.zeros_like(difference_N)
    return difference_N / (rewards_N.std() + 1e-4)
