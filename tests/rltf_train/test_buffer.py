"""The online buffer: what leaves, what comes next, and that it goes on where it was."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from rltf_train.buffer import OnlineBuffer
from rltf_train.rollouts import Sample


def sample(name: str, version: int = 0, *, passed: bool = False) -> Sample:
    return Sample(
        problem=name,
        prompt_ids=(1, 2),
        response_ids=(3, 4),
        old_logprobs_T=torch.tensor([-0.5, -1.0]),
        coarse_T=torch.tensor([0.1, 0.1]),
        fine_T=torch.zeros(2),
        adaptive_T=torch.zeros(2),
        policy_version=version,
        truncated=False,
        graded=True,
        passed=passed,
    )


def samples(names: str, version: int = 0) -> list[Sample]:
    return [sample(name, version) for name in names]


def names(drawn: list[Sample]) -> str:
    return "".join(each.problem for each in drawn)


def content(buffer: OnlineBuffer) -> str:
    return names([Sample(**values) for values in buffer.state()["samples"]])


# --- what leaves ---------------------------------------------------------------------------------


def test_the_oldest_leave_first() -> None:
    buffer = OnlineBuffer(4)
    buffer.refill(samples("ab"))
    assert (len(buffer), content(buffer)) == (2, "ab")
    buffer.refill(samples("cde", 1))
    assert (len(buffer), content(buffer)) == (4, "bcde")
    buffer.refill(samples("fghijk", 2))
    assert content(buffer) == "hijk"
    assert buffer.ages(5) == [3, 3, 3, 3]


def test_at_random_among_the_oldest_version_only() -> None:
    left: Counter[str] = Counter()
    for seed in range(200):
        buffer = OnlineBuffer(6, eviction="random-oldest", seed=seed)
        buffer.refill(samples("abcd", 3))
        buffer.refill(samples("ef", 5))
        buffer.refill(samples("gh", 8))
        kept = content(buffer)
        assert kept[2:] == "efgh"
        assert kept[:2] == "".join(sorted(kept[:2]))
        left.update(set("abcd") - set(kept))
    # Each of the four leaves in half of the trials; 4 deviations are 28.
    assert left.keys() == set("abcd")
    assert all(72 < count < 128 for count in left.values())


def test_the_next_version_when_the_oldest_is_gone() -> None:
    buffer = OnlineBuffer(3, eviction="random-oldest", seed=1)
    buffer.refill(samples("ab", 0))
    buffer.refill(samples("cde", 1))
    assert content(buffer) == "cde"
    buffer.refill(samples("f", 2))
    assert len(set(content(buffer)) & set("cde")) == 2
    assert content(buffer)[-1] == "f"


def test_the_seed_decides() -> None:
    def kept(seed: int) -> str:
        buffer = OnlineBuffer(8, eviction="random-oldest", seed=seed)
        buffer.refill(samples("abcdefghijklmnop"))
        return content(buffer) + names(buffer.batch(8, 0))

    assert kept(3) == kept(3)
    assert len({kept(seed) for seed in range(10)}) == 10


# --- what comes next -----------------------------------------------------------------------------


def test_each_pass_visits_each_once() -> None:
    buffer = OnlineBuffer(10)
    buffer.refill(samples("abcdefg"))
    drawn = "".join(names(buffer.batch(count, 0)) for count in (3, 3, 3, 5, 7))
    passes = [drawn[at : at + 7] for at in range(0, 21, 7)]
    assert all(sorted(each) == list("abcdefg") for each in passes)
    assert len(set(passes)) == 3
    assert len(buffer) == 7


def test_a_batch_larger_than_the_buffer_goes_round() -> None:
    buffer = OnlineBuffer(10)
    buffer.refill(samples("ab"))
    assert Counter(names(buffer.batch(6, 0))) == {"a": 3, "b": 3}


def test_a_refill_begins_a_new_pass() -> None:
    buffer = OnlineBuffer(6)
    buffer.refill(samples("abcdef"))
    buffer.batch(5, 0)
    buffer.refill(samples("gh", 1))
    assert sorted(names(buffer.batch(6, 1))) == list("cdefgh")


def test_an_empty_buffer() -> None:
    buffer = OnlineBuffer(3)
    assert (len(buffer), buffer.batch(4, 0), buffer.passed(), buffer.ages(7)) == (0, [], [], [])


def test_those_that_passed() -> None:
    buffer = OnlineBuffer(2)
    buffer.refill([sample("a", passed=True), sample("b", passed=True), sample("c")])
    assert names(buffer.passed()) == "b"


# --- staleness -----------------------------------------------------------------------------------


def test_what_is_too_old_is_left_out() -> None:
    buffer = OnlineBuffer(9)
    for version, group in enumerate(["abc", "def", "ghi"]):
        buffer.refill(samples(group, version))
    assert sorted(names(buffer.batch(9, 4, max_staleness=4))) == list("abcdefghi")
    assert sorted(names(buffer.batch(6, 4, max_staleness=3))) == list("defghi")
    assert len(buffer) == 6
    assert buffer.ages(4) == [3, 3, 3, 2, 2, 2]
    assert sorted(names(buffer.batch(6, 4, max_staleness=2))) == list("gghhii")
    assert buffer.batch(6, 9, max_staleness=2) == []


def test_a_pass_goes_on_where_nothing_is_too_old() -> None:
    buffer = OnlineBuffer(6)
    buffer.refill(samples("abcdef"))
    drawn = names(buffer.batch(4, 1, max_staleness=2)) + names(buffer.batch(2, 2, max_staleness=2))
    assert sorted(drawn) == list("abcdef")


def test_without_a_limit_nothing_is_too_old() -> None:
    buffer = OnlineBuffer(3)
    buffer.refill(samples("abc"))
    assert len(buffer.batch(3, 10**6)) == 3


# --- going on ------------------------------------------------------------------------------------


def kept_and_read(state: dict[str, Any]) -> dict[str, Any]:
    """By the way of a checkpoint."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    read: dict[str, Any] = torch.load(file, weights_only=True)
    return read


def later(buffer: OnlineBuffer) -> list[str]:
    first = [names(buffer.batch(3, 2)) for _ in range(4)]
    buffer.refill(samples("xyz", 2))
    return [*first, *(names(buffer.batch(3, 2)) for _ in range(4)), content(buffer)]


@pytest.mark.parametrize("eviction", ["fifo", "random-oldest"])
@pytest.mark.parametrize("drawn", [0, 2, 8])
def test_a_restored_buffer_goes_on_alike(eviction: str, drawn: int) -> None:
    buffer = OnlineBuffer(8, eviction=eviction, seed=5)
    buffer.refill(samples("abcdefghij", 1))
    buffer.batch(drawn, 1)
    state = kept_and_read(buffer.state())
    restored = OnlineBuffer(8, eviction=eviction, seed=99)
    restored.restore(state)
    assert later(restored) == later(buffer)


def test_a_state_does_not_change_when_the_buffer_goes_on() -> None:
    buffer = OnlineBuffer(8, seed=5)
    buffer.refill(samples("abcdefgh", 1))
    buffer.batch(2, 1)
    state = buffer.state()
    expected = later(buffer)
    for _ in range(2):
        restored = OnlineBuffer(8)
        restored.restore(state)
        assert later(restored) == expected


def test_all_of_a_sample_is_kept() -> None:
    buffer = OnlineBuffer(2)
    buffer.refill([sample("a", 7, passed=True)])
    restored = OnlineBuffer(2)
    restored.restore(kept_and_read(buffer.state()))
    (before,), (after,) = buffer.batch(1, 7), restored.batch(1, 7)
    for name, value in before.state().items():
        other = getattr(after, name)
        assert type(other) is type(value)
        same = torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other
        assert same, name
