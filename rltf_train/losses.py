"""The terms of the loss: pure functions of log-probabilities. Shapes: B programs of T tokens.

L_total = L_sl + L_coarse + L_fine + L_adaptive (arXiv 2307.04349, eq. 6). Each term is minus a
weight per token times log p; a weight multiplies its own token only, and is never accumulated over
later ones.
"""

from __future__ import annotations

import torch
from torch import Tensor


def supervised(logprobs_BT: Tensor) -> Tensor:
    """L_sl per token: -log p (eq. 7)."""
    return -logprobs_BT


def reinforce(logprobs_BT: Tensor, weights_BT: Tensor) -> Tensor:
    """-A log p per token (eqs. 8 to 10)."""
    return -weights_BT * logprobs_BT


def ppo_clip(
    logprobs_BT: Tensor, weights_BT: Tensor, old_BT: Tensor, *, low: float, high: float
) -> Tensor:
    """-min(r A, clip(r, 1 - low, 1 + high) A) per token, r = p / p_old (arXiv 1707.06347; with
    high > low the clip-higher of DAPO, arXiv 2503.14476)."""
    ratio_BT = torch.exp(logprobs_BT - old_BT)
    clipped_BT = ratio_BT.clamp(1 - low, 1 + high)
    return -torch.minimum(ratio_BT * weights_BT, clipped_BT * weights_BT)


def clipped(
    logprobs_BT: Tensor, weights_BT: Tensor, old_BT: Tensor, *, low: float, high: float
) -> Tensor:
    """Where `ppo_clip` gives no gradient. Booleans, (B, T)."""
    ratio_BT = torch.exp(logprobs_BT - old_BT)
    above_BT = (ratio_BT > 1 + high) & (weights_BT > 0)
    return above_BT | ((ratio_BT < 1 - low) & (weights_BT < 0))


def aggregate(loss_BT: Tensor, mask_BT: Tensor, how: str, *, total: float) -> Tensor:
    """One number of a micro-batch, such that those of a whole batch add up to its loss.

    `total` is what the whole batch, over all micro-batches and processes, is divided by (see
    `divisor`), so that the loss does not depend on how the batch was cut.
    """
    masked_BT = loss_BT * mask_BT
    if how == "sequence-mean":
        lengths_B = mask_BT.sum(dim=1).clamp(min=1)
        return (masked_BT.sum(dim=1) / lengths_B).sum() / total
    return masked_BT.sum() / total


def divisor(how: str, *, tokens: int, sequences: int, longest: int) -> float:
    """What a batch's sum is divided by.

    token-mean     its tokens (DAPO; RLTF's released code)
    sequence-mean  its sequences, each a mean over its tokens (GRPO)
    sequence-sum   its sequences, each a sum over its tokens (RLTF's paper)
    constant       its sequences times the longest answer allowed (Dr. GRPO, arXiv 2503.20783)
    """
    unit = {
        "token-mean": tokens,
        "sequence-mean": sequences,
        "sequence-sum": sequences,
        "constant": sequences * longest,
    }[how]
    return float(max(unit, 1))
