"""How other graders compare printed text, written anew from their rules.

Each function takes what its peer takes, bugs included: it answers whether that grader would have
accepted, so that its numbers can be reproduced. docs/policies.md names the sources and the bugs.
What a peer does around the comparison (how it runs a program, which tests it leaves out) is not
its comparison and not here.

The rules are exact for texts as they occur. Where a peer would need unbounded time or memory, the
function says what it does instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation, Overflow
from functools import lru_cache, partial
from itertools import chain, zip_longest

from codefeedback.checking.text import is_utf8, line_lists, lines, same, split_lines, tokens

# Gives the lines of an answer, many at a time, from the start at each call.
_Batches = Callable[[], Iterator[list[str]]]


def apps(expected: str, printed: str) -> bool:
    """hendrycks/apps: equal lines, else close numbers, else the same set of sets of words."""
    return _apps(expected, partial(split_lines, printed))


def rltf(expected: str, printed: str) -> bool:
    """Zyq-scut/RLTF: as `apps`, but only a line feed ends a line, and output must be UTF-8."""
    if not is_utf8(printed):
        return False
    empty: list[list[str]] = []
    return _apps(
        expected,
        partial(line_lists, printed.removesuffix("\n")) if printed else partial(iter, empty),
    )


def verl(expected: str, printed: str) -> bool:
    """verl's prime_code: as `apps` without the sets; lines that are all digits must be equal."""
    batches = partial(split_lines, printed)
    wanted = _wanted_lines(expected)
    if _equal_lines(expected, wanted, batches):
        return True
    # str.isdigit() knows no sign, so one negative number makes all lines inexact.
    digits = all(map(str.isdigit, wanted)) and all(map(str.isdigit, _non_empty(batches)))
    return not digits and _close_lines(wanted, _non_empty(batches))


def verl_sandbox(expected: str, printed: str) -> bool:
    """verl's sandbox_fusion: the same text but for line feeds at the end."""
    return expected.rstrip("\n") == printed.rstrip("\n")


def livecodebench(expected: str, printed: str) -> bool:
    """LiveCodeBench: as many lines, each equal or made of equal decimal numbers."""
    for wanted, line in zip_longest(lines(expected.strip()), lines(printed.strip())):
        if wanted is None or line is None:
            return False
        wanted, line = wanted.strip(), line.strip()
        if wanted != line and not _same_decimals(wanted, line):
            return False
    return True


def open_r1(expected: str, printed: str) -> bool:
    """open-r1: the lines that both have are equal; the longer answer's further lines go unread."""
    if not is_utf8(printed):
        return False
    printed = printed.replace("\r\n", "\n").replace("\r", "\n")
    pairs = zip(lines(expected), lines(printed.strip()), strict=False)
    return all(wanted.strip() == line.strip() for wanted, line in pairs)


def sandboxfusion(expected: str, printed: str) -> bool:
    """SandboxFusion: as many lines, each equal in lower case, or a number within 1e-5 of it."""
    for wanted, line in zip_longest(lines(expected.strip()), lines(printed.strip())):
        if wanted is None or line is None:
            return False
        wanted, line = wanted.lower(), line.lower()
        if wanted.strip() != line.strip() and not _relatively_close(wanted, line):
            return False
    return True


def code_contests(expected: str, printed: str) -> bool:
    """deepmind/code_contests: words in lower case; where both are numbers, less than 1e-5 apart.

    Equal answers pass as a whole, so words that are no finite numbers fail beside others that
    differ: infinity less infinity is no distance below 1e-5.
    """
    if same(_contest_words(expected), _contest_words(printed)):
        return True
    pairs = zip_longest(_contest_words(expected), _contest_words(printed))
    return all(
        wanted is not None and word is not None and _values_match(wanted, word)
        for wanted, word in pairs
    )


def exec_eval(expected: str, printed: str) -> bool:
    """ExecEval: equal lines, else words that are equal, or numbers at most 1e-12 apart."""
    printed = printed.encode(errors="ignore").decode()
    expected = expected.replace("\r\n", "\n").strip()
    printed = printed.strip()
    if same(map(str.strip, lines(expected)), map(str.strip, lines(printed))):
        return True
    pairs = zip_longest(tokens(expected), tokens(printed))
    return all(
        wanted == word or (None not in (wanted, word) and _exec_eval_word(wanted, word))
        for wanted, word in pairs
    )


def verifiers(expected: str, printed: str) -> bool:
    """PrimeIntellect's verifiers: equal words, else all numbers, each within 0.001."""
    if same(tokens(expected), tokens(printed)):
        return True
    context = Context(prec=28, traps=[InvalidOperation, Overflow])
    limit = Decimal("0.001")
    try:
        for wanted, word in zip_longest(tokens(expected), tokens(printed)):
            if wanted is None or word is None:
                return False
            if wanted == word and word.isdecimal():  # most words
                continue
            target, number = Decimal(wanted), Decimal(word)
            if not (target.is_finite() and number.is_finite()):
                return False
            if context.abs(context.subtract(number, target)) > limit:
                return False
    except (ArithmeticError, ValueError):
        return False
    return True


# The steps of hendrycks/apps, in their order. What it tries in between (a list of lines against a
# list that holds the whole answer, and the like) can no longer succeed where these have failed.


def _apps(expected: str, batches: _Batches) -> bool:
    wanted = _wanted_lines(expected)
    return (
        _equal_lines(expected, wanted, batches)
        or _close_lines(wanted, _non_empty(batches))
        or _same_sets(wanted, batches)
    )


def _wanted_lines(expected: str) -> list[str]:
    """Empty lines go before lines are stripped, so that a line of spaces stays as an empty one."""
    return [line.strip() for line in expected.split("\n") if line]


def _equal_lines(expected: str, wanted: list[str], batches: _Batches) -> bool:
    whole = expected.strip()
    return (
        _joined(batches(), lambda batch: batch).strip() == whole
        or _joined(batches(), lambda batch: [line.strip() for line in batch]).strip() == whole
        or same(wanted, chain.from_iterable(batches()))
        or same(wanted, _non_empty(batches))
    )


def _joined(batches: Iterator[list[str]], each: Callable[[list[str]], list[str]]) -> str:
    return "\n".join("\n".join(each(batch)) for batch in batches if batch)


def _non_empty(batches: _Batches) -> Iterator[str]:
    return filter(None, chain.from_iterable(batches()))


def _close_lines(wanted: list[str], printed: Iterable[str]) -> bool:
    """One number a line, close by numpy.allclose's default: an integer may be off by 1e-5 of it."""
    for pair in zip_longest(wanted, printed):
        try:
            target, number = (float(line) for line in pair)
        except (TypeError, ValueError):  # a line too many, or no number
            return False
        if not allclose(number, target, rel=1e-5, abs_=1e-8):
            return False
    return True


def allclose(number: float, target: float, *, rel: float, abs_: float) -> bool:
    """numpy.allclose for one pair. NaN is close to nothing, infinity to itself."""
    return number == target or (
        abs(target) != float("inf") and abs(number - target) <= abs_ + rel * abs(target)
    )


def _same_sets(wanted: list[str], batches: _Batches) -> bool:
    """Lines in any order and number, each of words in any order and number; then, numbers rounded
    to three places."""
    if _covers({frozenset(line.split()) for line in set(wanted)}, _word_sets(batches)):
        return True
    try:
        rounded = {frozenset(map(_rounded, line.split())) for line in set(wanted)}
        return _covers(rounded, (frozenset(map(_rounded, words)) for words in _word_sets(batches)))
    except ValueError:
        return False


def _word_sets(batches: _Batches) -> Iterator[frozenset[str]]:
    words = (line.split() for batch in batches() for line in set(batch))
    return map(frozenset, filter(None, words))


def _covers(wanted: set[frozenset[str]], found: Iterable[frozenset[str]]) -> bool:
    """Whether both hold the same sets. Gives up at the first that is not wanted, so that a long
    wrong answer takes no memory."""
    missing = set(wanted)
    for words in found:
        if words not in wanted:
            return False
        missing.discard(words)
    return not missing


def _rounded(word: str) -> str:
    """A word's number. As text, because Python salts the hashes of texts: a program could print
    numbers whose sets all have the same hash, and comparing would take hours."""
    # Short words come again and again; a cache of long ones would hold whole outputs.
    return _round(word) if len(word) > 20 else _round_short(word)


def _round(word: str) -> str:
    number = round(float(word), 3)
    if number != number:
        raise ValueError("NaN equals no number")
    return repr(number + 0.0)  # -0.0 is 0.0


_round_short = lru_cache(maxsize=1 << 14)(_round)


def _same_decimals(wanted: str, line: str) -> bool:
    try:
        for pair in zip_longest(tokens(wanted), tokens(line)):
            if None in pair:
                return False
            one, other = map(Decimal, pair)
            if one != other:
                return False
    except (ArithmeticError, ValueError):  # no number, or a signalling NaN
        return False
    return True


def _relatively_close(wanted: str, line: str) -> bool:
    try:
        target, number = float(wanted), float(line)
    except ValueError:
        return False
    return abs(number - target) / max(abs(target), 1e-10) < 1e-5


# deepmind/code_contests splits at these and not at form feeds, and knows numbers as
# absl::SimpleAtod does: no underscores, no hexadecimal, ASCII digits.
_CONTEST_GAP = re.compile(r"[ \n\t\r\v]+")
_ATOD = re.compile(
    r"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:e[+-]?[0-9]++)?|inf(?:inity)?|nan)"
)
_ATOD_NAN = re.compile(r"[+-]?nan\([a-z0-9_]*+\)")
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _contest_words(text: str) -> Iterator[str]:
    if not text.isascii():
        return tokens(text.translate(_LOWER), _CONTEST_GAP)
    other_gaps = any(gap in text for gap in "\f\x1c\x1d\x1e\x1f")
    return tokens(text.lower(), _CONTEST_GAP) if other_gaps else tokens(text.lower())


def _values_match(wanted: str, word: str) -> bool:
    if wanted == word and word.isdecimal() and len(word) < 300:  # most words
        return True
    target, number = _atod(wanted), _atod(word)
    if target is None or number is None:
        return wanted == word
    return abs(number - target) < 1e-5


def _atod(word: str) -> float | None:
    word = word.strip("\f")
    if _ATOD.fullmatch(word):
        return float(word)
    return float("nan") if _ATOD_NAN.fullmatch(word) else None


# ExecEval reads numbers with gmpy2.mpfr at 129 bits. Its numbers may have underscores anywhere, an
# exponent after "@", or be hexadecimal or binary; its NaN is at no distance from any number.
_MPFR = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[e@][+-]?[0-9]++)?")
_MPFR_NAN = re.compile(r"[+-]?(?:nan(?:\([a-z0-9]*+\))?|@nan@)")
_MPFR_INFINITY = re.compile(r"([+-]?)(?:inf(?:inity)?|@inf@)")
_MPFR_BITS = re.compile(r"([+-]?)(?:0x([0-9a-f]{1,32})|0b([01]{1,128}))")
_BOOLEANS = frozenset({"yes", "no", "true", "false"})
# 39 digits for its 129 bits: they differ for numbers of more digits than that, in the last.
_MPFR_CONTEXT = Context(prec=39, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def _exec_eval_word(wanted: str, word: str) -> bool:
    target, number = _mpfr(wanted), _mpfr(word)
    if target is None or number is None:
        return _lower_boolean(wanted) == _lower_boolean(word)
    distance = float(_MPFR_CONTEXT.subtract(number, target))
    return not abs(distance) > 1e-12  # true of NaN


def _lower_boolean(word: str) -> str:
    return word.lower() if word.lower() in _BOOLEANS else word


def _mpfr(word: str) -> Decimal | None:
    if not word.isascii():
        return None
    text = word.replace("_", "").lower()
    if not text:
        return Decimal(0)
    if _MPFR.fullmatch(text):
        return _MPFR_CONTEXT.create_decimal(text.replace("@", "e"))
    if _MPFR_NAN.fullmatch(text):
        return Decimal("nan")
    if found := _MPFR_INFINITY.fullmatch(text):
        return Decimal(found[1] + "inf")
    if found := _MPFR_BITS.fullmatch(text):
        bits = int(found[2], 16) if found[2] else int(found[3], 2)
        return Decimal(-bits if found[1] == "-" else bits)
    return None
