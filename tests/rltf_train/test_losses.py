"""The terms of the loss on three tokens, against numbers that were worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from rltf_train import losses

MODES = ("token-mean", "sequence-mean", "sequence-sum", "constant")
LONGEST = 10
#: log p of three tokens, and what each is multiplied with.
LOGPROBS = torch.tensor([[-0.5, -1.0, -2.0]])
WEIGHTS = torch.tensor([[2.0, -0.3, 0.0]])
#: p / p_old of three tokens: above 1 + high, below 1 - low, and between.
RATIOS = torch.tensor([[1.5, 0.5, 1.1]])
OLD = torch.tensor([[-0.25, -3.0, -1.5]])


def near(values: Tensor, expected: object) -> bool:
    return torch.allclose(values, torch.tensor(expected, dtype=values.dtype), rtol=1e-6, atol=1e-7)


def gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    leaf = at.clone().requires_grad_()
    return torch.autograd.grad(function(leaf).sum(), leaf)[0]


# --- one number per token ------------------------------------------------------------------------


def test_supervised() -> None:
    assert near(losses.supervised(LOGPROBS), [[0.5, 1.0, 2.0]])
    assert near(gradient(losses.supervised, LOGPROBS), [[-1.0, -1.0, -1.0]])


def test_reinforce() -> None:
    # -(2 * -0.5) = 1;  -(-0.3 * -1) = -0.3;  -(0 * -2) = 0
    assert near(losses.reinforce(LOGPROBS, WEIGHTS), [[1.0, -0.3, 0.0]])


def test_a_weight_is_its_own_tokens_only() -> None:
    """Neither discounted nor accumulated: the gradient is minus the weight, token by token."""
    found = gradient(lambda logprobs: losses.reinforce(logprobs, WEIGHTS), LOGPROBS)
    assert near(found, [[-2.0, 0.3, 0.0]])


def clip(logprobs: Tensor, weights: Tensor, low: float = 0.2, high: float = 0.28) -> Tensor:
    return losses.ppo_clip(logprobs, weights, OLD, low=low, high=high)


@pytest.mark.parametrize(
    ("weight", "expected", "slopes", "clipped"),
    [
        # min(r A, clip(r, 0.8, 1.28) A):
        #   A = 2    r = 1.5: min(3, 2.56)     r = 0.5: min(1, 1.6)       r = 1.1: 2.2
        #   A = -2   r = 1.5: min(-3, -2.56)   r = 0.5: min(-1, -1.6)     r = 1.1: -2.2
        # The slope by log p is -r A, and 0 where the clipped one is the smaller.
        (2.0, [-2.56, -1.0, -2.2], [0.0, -1.0, -2.2], [True, False, False]),
        (-2.0, [3.0, 1.6, 2.2], [3.0, 0.0, 2.2], [False, True, False]),
        (0.0, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [False, False, False]),
    ],
)
def test_ppo_clip(
    weight: float, expected: list[float], slopes: list[float], clipped: list[bool]
) -> None:
    logprobs, weights = OLD + RATIOS.log(), torch.full((1, 3), weight)
    assert near(clip(logprobs, weights), [expected])
    assert near(gradient(lambda leaf: clip(leaf, weights), logprobs), [slopes])
    told = losses.clipped(logprobs, weights, OLD, low=0.2, high=0.28)
    assert told.dtype == torch.bool
    assert told.tolist() == [clipped]


@pytest.mark.parametrize(
    ("ratio", "weight", "high", "slope"),
    [
        (1.25, 1.0, 0.28, -1.25),  # clip-higher leaves it its gradient
        (1.25, 1.0, 0.2, 0.0),
        (1.30, 1.0, 0.28, 0.0),
        (0.79, -1.0, 0.28, 0.0),  # `high` says nothing of the lower side
        (0.81, -1.0, 0.28, 0.81),
    ],
)
def test_the_two_sides_have_limits_of_their_own(
    ratio: float, weight: float, high: float, slope: float
) -> None:
    logprobs, weights = OLD + torch.tensor(ratio).log(), torch.full((1, 3), weight)
    found = gradient(lambda leaf: clip(leaf, weights, high=high), logprobs)
    assert near(found, [[slope] * 3])
    told = losses.clipped(logprobs, weights, OLD, low=0.2, high=high)
    assert told.tolist() == [[slope == 0.0] * 3]


def test_a_sample_of_the_current_policy_gives_the_gradient_of_reinforce() -> None:
    found = gradient(lambda leaf: clip(leaf, WEIGHTS), OLD)
    assert near(found, (-WEIGHTS).tolist())


def test_clipped_is_where_the_gradient_is_gone() -> None:
    random = torch.Generator().manual_seed(0)
    old = -3 * torch.rand(20, 30, generator=random)
    logprobs = old + torch.randn(20, 30, generator=random) / 2
    weights = torch.randn(20, 30, generator=random)
    found = gradient(lambda leaf: losses.ppo_clip(leaf, weights, old, low=0.2, high=0.3), logprobs)
    told = losses.clipped(logprobs, weights, old, low=0.2, high=0.3)
    assert torch.equal(found == 0, told)
    assert 0.1 < told.float().mean() < 0.9


# --- one number per batch ------------------------------------------------------------------------

#: Two programs, of three tokens and of one.
LOSS = torch.tensor([[1.0, 2.0, 4.0], [3.0, 5.0, 9.0]])
MASK = torch.tensor([[True, True, True], [True, False, False]])


def whole(loss_BT: Tensor, mask_BT: Tensor, how: str) -> Tensor:
    return losses.aggregate(loss_BT, mask_BT, how, total=total_of(mask_BT, how))


def total_of(mask_BT: Tensor, how: str) -> float:
    tokens = int(mask_BT.sum())
    return losses.divisor(how, tokens=tokens, sequences=len(mask_BT), longest=LONGEST)


@pytest.mark.parametrize(
    ("how", "total", "expected"),
    [
        ("token-mean", 4.0, 2.5),  # (1 + 2 + 4 + 3) / 4
        ("sequence-mean", 2.0, 8 / 3),  # ((1 + 2 + 4) / 3 + 3 / 1) / 2
        ("sequence-sum", 2.0, 5.0),  # ((1 + 2 + 4) + 3) / 2
        ("constant", 20.0, 0.5),  # ((1 + 2 + 4) + 3) / (2 * 10)
    ],
)
def test_aggregate(how: str, total: float, expected: float) -> None:
    assert total_of(MASK, how) == total
    assert near(whole(LOSS, MASK, how), expected)


@pytest.mark.parametrize("how", MODES)
def test_what_is_masked_counts_nowhere(how: str) -> None:
    other = torch.where(MASK, LOSS, torch.tensor(-1e6))
    assert whole(other, MASK, how) == whole(LOSS, MASK, how)
    slopes = gradient(lambda leaf: whole(leaf, MASK, how), LOSS)
    assert torch.equal(slopes != 0, MASK)


@pytest.mark.parametrize("how", MODES)
@pytest.mark.parametrize("size", range(1, 8))
def test_the_loss_does_not_depend_on_how_the_batch_was_cut(how: str, size: int) -> None:
    random = torch.Generator().manual_seed(1)
    loss = torch.randn(7, 9, generator=random, dtype=torch.float64)
    lengths = torch.tensor([9, 1, 4, 4, 7, 2, 5])
    mask = torch.arange(9) < lengths[:, None]
    total = total_of(mask, how)
    parts = []
    for at in range(0, 7, size):
        rows = slice(at, at + size)
        width = int(lengths[rows].max())  # a micro-batch is as wide as its longest program
        part = losses.aggregate(loss[rows, :width], mask[rows, :width], how, total=total)
        parts.append(part.item())
    assert sum(parts) == pytest.approx(whole(loss, mask, how).item(), rel=1e-12)


@pytest.mark.parametrize("how", MODES)
def test_a_program_that_is_all_masked(how: str) -> None:
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    assert losses.aggregate(LOSS, nothing, how, total=1.0) == 0
    half = torch.tensor([[True, True, True], [False, False, False]])
    expected = {"sequence-mean": 7 / 3}.get(how, 7.0)
    assert losses.aggregate(LOSS, half, how, total=1.0).item() == pytest.approx(expected)


@pytest.mark.parametrize("how", MODES)
def test_an_empty_batch_is_not_divided_by_zero(how: str) -> None:
    assert losses.divisor(how, tokens=0, sequences=0, longest=LONGEST) == 1.0


def test_an_unknown_way() -> None:
    with pytest.raises(KeyError, match="mean"):
        losses.divisor("mean", tokens=1, sequences=1, longest=1)
