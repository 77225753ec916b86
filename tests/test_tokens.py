"""Spans to tokens, weights and masks, against what the words say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codefeedback.decoding import Decoded
from codefeedback.errors import UsageError
from codefeedback.tokens import (
    Blame,
    TokenSpan,
    mask,
    offsets_from,
    token_indices,
    token_spans,
    weigh,
)

#: Pairs as a tokenizer may give them, in any order and with gaps.
PAIRS = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.integers(0, 30), st.integers(0, 5)).map(lambda pair: (pair[0], sum(pair))),
    ),
    max_size=20,
)
SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair))),
    max_size=6,
)


def characters(span: Sequence[int] | None) -> set[int]:
    return set() if span is None else set(range(*span))


def all_characters(spans: Iterable[Sequence[int] | None]) -> set[int]:
    return set().union(*map(characters, spans))


# --- offsets_from --------------------------------------------------------------------------------


def test_offsets_from_pairs() -> None:
    assert offsets_from([[0, 2], None, (2, 3), (0, 0)]) == [(0, 2), (2, 2), (2, 3), (0, 0)]
    assert offsets_from([(0, 1)], [17]) == [(0, 1)]
    assert offsets_from(Decoded(text="a", offsets=((0, 1),))) == [(0, 1)]
    assert offsets_from([]) == []


@pytest.mark.parametrize("given", ["ab", [(0, 1, 2)], [3], [(2, 1)], [(-1, 1)], 3, None, [("", 1)]])
def test_offsets_that_are_none(given: Any) -> None:
    with pytest.raises(UsageError, match="offsets must be"):
        offsets_from(given)


class Tokenizer:
    """As little of one as can be read."""

    all_special_ids: tuple[int, ...] = ()

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return ["Ġa" for _ in ids]


def test_a_tokenizer_needs_ids() -> None:
    with pytest.raises(UsageError, match="sampled ids"):
        offsets_from(Tokenizer())
    with pytest.raises(UsageError, match="1 offsets for 2 sampled ids"):
        offsets_from([(0, 1)], [1, 2])


# --- spans, weights, mask ------------------------------------------------------------------------


@given(SPANS, PAIRS)
def test_token_indices(spans: list[tuple[int, int]], pairs: list[tuple[int, int] | None]) -> None:
    blamed = all_characters(spans)
    expected = [index for index, pair in enumerate(pairs) if characters(pair) & blamed]
    assert token_indices(spans, pairs) == expected
    assert token_indices(reversed(spans), [list(pair) if pair else None for pair in pairs]) == (
        expected
    )
    runs = token_spans(spans, pairs)
    assert [index for run in runs for index in range(run.start, run.end)] == expected
    assert all(before.end < after.start for before, after in pairwise(runs))


@given(SPANS, PAIRS)
def test_mask(hidden: list[tuple[int, int]], pairs: list[tuple[int, int] | None]) -> None:
    never_ran = all_characters(hidden)
    assert mask(hidden, pairs) == [
        int(not characters(pair) or bool(characters(pair) - never_ran)) for pair in pairs
    ]


def test_straddling() -> None:
    # "if x:\n", "  f", "()\n g", "()", end: line 2 never ran.
    offsets = [(0, 6), (6, 9), (9, 13), (13, 15), None]
    line = [(6, 12)]
    assert token_indices(line, offsets) == [1, 2]
    assert token_spans([*line, (14, 15)], offsets) == [TokenSpan(start=1, end=4)]
    assert token_spans([(0, 1), (14, 15)], offsets) == [
        TokenSpan(start=0, end=1),
        TokenSpan(start=3, end=4),
    ]
    assert mask(line, offsets) == [1, 0, 1, 1, 1]
    assert mask([(6, 10), (10, 15)], offsets) == [1, 0, 0, 0, 1]
    assert mask([], offsets) == [1] * 5


def test_spans_and_pairs_must_be_such() -> None:
    for spans in ([(0, 3)], [(0, 1), (2, 3)]):
        with pytest.raises(UsageError, match=r"entry 1 on"):
            token_indices(spans, [(0, 1), (1, 2, 3)])
    for bad in ((3, 1), (-1, 4)):
        with pytest.raises(UsageError, match="is no span"):
            token_indices([bad], [(0, 1)])


FIVE = [(0, 2), (2, 4), (4, 6), (6, 8), (8, 8)]


@pytest.mark.parametrize(
    ("blames", "program", "alpha", "weights"),
    [
        # T = 4 and n = 1, 2, 4.
        ([([(2, 4)], -0.3)], [(0, 8)], "length", [0, -1.2, 0, 0, 0]),
        ([([(3, 5)], -0.3)], [(0, 8)], "length", [0, -0.6, -0.6, 0, 0]),
        ([([(0, 8)], -0.3)], [(0, 8)], "length", [-0.3, -0.3, -0.3, -0.3, 0]),
        ([([(3, 5)], -0.3)], [(0, 8)], None, [0, -0.3, -0.3, 0, 0]),
        # T = 3: the program begins inside the second token.
        ([([(6, 7)], -0.5)], [(3, 8)], "length", [0, 0, 0, -1.5, 0]),
        # Two places of one finding: n = 2.
        ([([(0, 1), (6, 8)], -0.3)], [(0, 8)], "length", [-0.6, 0, 0, -0.6, 0]),
        # The largest wins, in either order; the sum never does.
        ([([(0, 8)], -0.3), ([(2, 4)], -0.3)], [(0, 8)], "length", [-0.3, -1.2, -0.3, -0.3, 0]),
        ([([(2, 4)], -0.3), ([(0, 8)], -0.3)], [(0, 8)], "length", [-0.3, -1.2, -0.3, -0.3, 0]),
        ([([(0, 4)], 0.1), ([(2, 6)], -0.2)], [(0, 8)], None, [0.1, -0.2, -0.2, 0, 0]),
        # Nothing to blame.
        ([([], -0.3), ([(3, 3)], -0.3), ([(9, 12)], -0.3)], [(0, 8)], "length", [0] * 5),
        ([([(0, 8)], 0.0)], [(0, 8)], "length", [0] * 5),
        ([], [], "length", [0] * 5),
    ],
)
def test_weigh(
    blames: list[tuple[list[tuple[int, int]], float]],
    program: list[tuple[int, int]],
    alpha: str | None,
    weights: list[float],
) -> None:
    given = [Blame(spans=tuple(spans), weight=weight) for spans, weight in blames]
    assert weigh(given, FIVE, program, alpha=alpha) == pytest.approx(weights)


def test_weights_sum_alike() -> None:
    """What alpha is for: a short span weighs as much as a long one."""
    sums = [
        sum(weigh([Blame(spans=(span,), weight=-0.3)], FIVE, [(0, 8)])) for span in [(0, 1), (0, 8)]
    ]
    assert sums == pytest.approx([-1.2, -1.2])


def test_weigh_refuses() -> None:
    with pytest.raises(UsageError, match=r"'T/n'.*'length', None"):
        weigh([], FIVE, [(0, 8)], alpha="T/n")
    for weight in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(UsageError, match="finite"):
            weigh([Blame(spans=((0, 1),), weight=weight)], FIVE, [(0, 8)])
