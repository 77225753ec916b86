"""From places in a text to the tokens that were sampled, and to a weight for each of them.

Units: offsets are half-open (start, end) in code points of the completion's text; token indices are
positions in the sampled ids. There is one pair per sampled id, those of special tokens included; an
empty pair (or None) means that the token has no text.

Two rules for a token that straddles: a span takes every token that shares a character with it; the
mask keeps every token that shares a character with something that ran.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from codefeedback.decoding import Decoded, Span, decode
from codefeedback.errors import UsageError

#: One pair per sampled id. Pairs may be lists; None or an empty pair is a token without text.
Offsets = Sequence[Sequence[int] | None]

_ALPHAS = ("length", None)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TokenSpan:
    """Token indices [start, end)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """One finding: what it blames, and R_fine times the finding's own weight."""

    spans: tuple[Span, ...]
    weight: float


def offsets_from(given: Any, ids: Sequence[int] | None = None) -> list[Span]:
    """Offsets from what a caller has: pairs, a `Decoded`, or a tokenizer together with `ids`."""
    if isinstance(given, Decoded):
        given = given.offsets
    if hasattr(given, "convert_ids_to_tokens") or hasattr(given, "id_to_token"):
        if ids is None:
            raise UsageError(
                "a tokenizer alone does not say what was sampled: hand in the sampled ids with it "
                "(ids=...); a text is never encoded again"
            )
        return list(decode(given, ids).offsets)
    pairs = _pairs(given)
    if ids is not None and len(ids) != len(pairs):
        raise UsageError(f"{len(pairs)} offsets for {len(ids)} sampled ids; one each is needed")
    return pairs


def token_indices(spans: Iterable[Span], offsets: Offsets) -> list[int]:
    """The tokens that share at least one character with a span, in order."""
    return _touching(_merged(spans), offsets)


def token_spans(spans: Iterable[Span], offsets: Offsets) -> list[TokenSpan]:
    """`token_indices` as maximal runs."""
    runs: list[list[int]] = []
    for index in token_indices(spans, offsets):
        if runs and runs[-1][1] == index:
            runs[-1][1] = index + 1
        else:
            runs.append([index, index + 1])
    return [TokenSpan(start=start, end=end) for start, end in runs]


def weigh(
    blames: Iterable[Blame],
    offsets: Offsets,
    program: Iterable[Span],
    *,
    alpha: str | None = "length",
) -> list[float]:
    """A weight per token: of the blame that touches it, times alpha; 0.0 for all other tokens.

    alpha is T / n (RLTF, eq. 9: T tokens in the places of `program`, n of them blamed) for
    "length", and 1 for None. Where several blames touch a token, the one of largest absolute value
    counts, not the sum: two findings about one line do not make it twice as wrong. A blame that
    shares no character with any token changes nothing.
    """
    if alpha not in _ALPHAS:
        raise UsageError(f"unknown alpha {alpha!r}; one of {', '.join(map(repr, _ALPHAS))}")
    total = len(token_indices(program, offsets)) if alpha else 0
    weights = [0.0] * len(offsets)
    for blame in blames:
        if not math.isfinite(blame.weight):
            raise UsageError(f"the weight of a finding must be finite, got {blame.weight}")
        touched = token_indices(blame.spans, offsets)
        value = blame.weight * total / len(touched) if alpha and touched else blame.weight
        for index in touched:
            if abs(value) > abs(weights[index]):
                weights[index] = value
    return weights


def mask(hidden: Iterable[Span], offsets: Offsets) -> list[int]:
    """1 for each token, 0 for those that never ran (the mask of StepCoder, arXiv 2402.01391).

    `hidden` are the places that never ran. A token is masked out if it has text, all of which is
    hidden; one that straddles something that ran stays, and so does a token without text. A line's
    indentation and end are characters like others, so hand in whole lines with both.
    """
    places = _merged(hidden)
    starts = [start for start, _ in places]
    flags = [1] * len(offsets)
    for index, pair in enumerate(offsets):
        if pair is not None and pair[0] < pair[1]:
            at = bisect_left(starts, pair[0] + 1) - 1
            flags[index] = int(at < 0 or places[at][1] < pair[1])
    return flags


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The same places in order, apart from each other, without empty ones."""
    merged: list[Span] = []
    for start, end in sorted((int(start), int(end)) for start, end in spans):
        if not 0 <= start <= end:
            raise UsageError(f"({start}, {end}) is no span: 0 <= start <= end must hold")
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def _touching(places: Sequence[Span], offsets: Offsets) -> list[int]:
    pairs: Iterable[Any] = enumerate(offsets)
    try:
        if len(places) == 1:  # most findings blame one place, and this is where the time goes
            ((first, after),) = places
            return [index for index, (start, end) in pairs if first < end > start < after]
        starts = [start for start, _ in places]
        found = []
        for index, (start, end) in pairs:
            at = bisect_left(starts, end) - 1
            if at >= 0 and start < end and places[at][1] > start:
                found.append(index)
        return found
    except (TypeError, ValueError):  # a token without text that is None, or no pair at all
        return _touching(places, _pairs(offsets))


def _pairs(given: Any) -> list[Span]:
    pairs: list[Span] = []
    end = 0
    try:
        for pair in given:
            start, end = (end, end) if pair is None else map(int, pair)
            if not 0 <= start <= end:
                raise ValueError
            pairs.append((start, end))
    except (TypeError, ValueError):
        raise UsageError(
            "offsets must be a tokenizer with ids, or one (start, end) pair of code points per "
            f"sampled id, got {type(given).__name__} (wrong from entry {len(pairs)} on)"
        ) from None
    return pairs
