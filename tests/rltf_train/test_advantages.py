"""Baselines and scales, by hand: one problem with a program of each outcome."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from rltf_train.advantages import advantages, baseline

KINDS = ("best", "greedy", "group-mean", "rloo", "none")
SCALES = ("none", "group-std")
REWARDS = torch.tensor([1.0, -0.3, -0.6, -1.0], dtype=torch.float64)
MEAN = -0.225  # (1 - 0.3 - 0.6 - 1) / 4
#: The mean of the other three: (-0.9 - R) / 3.
OTHERS = [-1.9 / 3, -0.2, -0.1, 0.1 / 3]


def near(values: Tensor, expected: list[float]) -> bool:
    return values.tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("best", [0.5] * 4),
        ("greedy", [-0.3] * 4),
        ("group-mean", [MEAN] * 4),
        ("rloo", OTHERS),
        ("none", [0.0] * 4),
    ],
)
def test_each_baseline(kind: str, expected: list[float]) -> None:
    found = baseline(kind, REWARDS, best=0.5, greedy=-0.3)
    assert near(found, expected)
    differences = [reward - base for reward, base in zip(REWARDS.tolist(), expected, strict=True)]
    assert near(advantages(REWARDS, found), differences)


@pytest.mark.parametrize("kind", ["best", "greedy"])
def test_without_the_program_to_compare_with_it_is_the_mean(kind: str) -> None:
    other = {"best": "greedy", "greedy": "best"}[kind]
    assert near(baseline(kind, REWARDS, **{other: 0.7}), [MEAN] * 4)


@pytest.mark.parametrize("kind", ["best", "greedy"])
def test_a_reward_of_zero_is_a_reward(kind: str) -> None:
    assert near(baseline(kind, REWARDS, **{kind: 0.0}), [0.0] * 4)


def test_the_standard_deviation_of_the_group() -> None:
    # 1, 0, -1: mean 0, variance (1 + 0 + 1) / 2 = 1
    rewards = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64)
    found = advantages(rewards, baseline("group-mean", rewards), scale="group-std")
    assert near(found, [1 / 1.0001, 0.0, -1 / 1.0001])
    # The same deviation, whatever the baseline.
    found = advantages(rewards, baseline("best", rewards, best=1.0), scale="group-std")
    assert near(found, [0.0, -1 / 1.0001, -2 / 1.0001])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [-0.3, 0.1, 1.0])
def test_a_group_of_equals_has_no_deviation(kind: str, value: float) -> None:
    """Not even from a baseline outside of the group: divided by 1e-4, it would outweigh all."""
    rewards = torch.full((7,), value, dtype=torch.float64)
    found = advantages(rewards, baseline(kind, rewards, best=1.0, greedy=-1.0), scale="group-std")
    assert near(found, [0.0] * 7)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("best", 0.5), ("greedy", 0.7), ("group-mean", 0.0), ("rloo", -0.3), ("none", -0.3)],
)
def test_one_sample(kind: str, expected: float) -> None:
    # best: -0.3 + 0.8, greedy: -0.3 + 1, the mean is itself, and there are no others.
    rewards = torch.tensor([-0.3], dtype=torch.float64)
    compared = baseline(kind, rewards, best=-0.8, greedy=-1.0)
    for scale in SCALES:
        assert near(advantages(rewards, compared, scale=scale), [expected])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", SCALES)
def test_no_sample(kind: str, scale: str) -> None:
    rewards = torch.zeros(0)
    for best in (None, 1.0):
        compared = baseline(kind, rewards, best=best, greedy=best)
        assert compared.shape == advantages(rewards, compared, scale=scale).shape == (0,)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_shared_with_the_rewards(kind: str) -> None:
    rewards = REWARDS.clone()
    found = baseline(kind, rewards, best=0.5, greedy=0.5)
    assert found.dtype == rewards.dtype
    found[0] = 99.0
    assert torch.equal(rewards, REWARDS)
    assert 99.0 not in found[1:].tolist()


def test_an_unknown_baseline() -> None:
    with pytest.raises(KeyError, match="median"):
        baseline("median", REWARDS)
