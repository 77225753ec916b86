"""Our own rules for printed text, and walks over long texts that the other rules share.

A program may print 64 MB, so no rule holds all lines or all tokens of an answer at once: texts are
cut into pieces of about a megabyte, and every rule is linear in the length of both texts.
`printed` may hold lone surrogates, which stand for bytes that are not UTF-8.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, starmap, zip_longest
from operator import eq

from codefeedback.checking.values import Tolerance, close, close_integers

# The white space that `strict` ignores at the end of a line. Other Unicode spaces are text.
_BLANKS = " \t\r\f\v"
_PIECE = 1 << 20
# The same characters that str.split() splits at.
_GAP = re.compile(r"\s+")
_INTEGER = re.compile(r"[+-]?[0-9]++")
_NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_MAX_DIGITS = 400


def strict(expected: str, printed: str) -> bool:
    """The same lines, but for white space at the end of a line and of the text."""
    return expected == printed or _trimmed(expected) == _trimmed(printed)


def exact(expected: str, printed: str) -> bool:
    """The same text."""
    return expected == printed


def tokens_equal(expected: str, printed: str) -> bool:
    """The same words in the same order, however much white space separates them."""
    return expected == printed or _single_spaced(expected) == _single_spaced(printed)


def floats(tolerance: Tolerance, expected: str, printed: str) -> bool:
    """The same words in the same order, where numbers are as far apart as `tolerance` says.

    Two integers may differ by `abs` alone. Words are numbers as C and JSON write them; other
    words, NaN and infinity among them, must be the same.
    """
    if tokens_equal(expected, printed):
        return True
    pairs = zip_longest(tokens(expected), tokens(printed))
    return all(
        wanted == word or (None not in (wanted, word) and _close_words(tolerance, wanted, word))
        for wanted, word in pairs
    )


def case_insensitive(expected: str, printed: str) -> bool:
    """As `strict`, with upper and lower case the same."""
    return strict(expected.casefold(), printed.casefold())


def unordered_lines(expected: str, printed: str) -> bool:
    """The same lines as often in any order, but for white space at their ends and empty lines."""
    wanted = Counter(_non_empty_lines(expected))
    for line in _non_empty_lines(printed):
        count = wanted[line]
        if count == 0:
            return False
        if count == 1:
            del wanted[line]
        else:
            wanted[line] = count - 1
    return not wanted


def lines(text: str) -> Iterator[str]:
    """As ``text.split("\\n")``, in little memory."""
    return chain.from_iterable(line_lists(text))


def line_lists(text: str) -> Iterator[list[str]]:
    """As `lines`, in lists of many lines."""
    return (piece.split("\n") for piece in _line_pieces(text))


def split_lines(text: str) -> Iterator[list[str]]:
    """As ``text.splitlines()``, which ends lines at eleven characters, in lists of many lines."""
    start = 0
    while (end := text.find("\n", start + _PIECE)) >= 0:
        yield text[start : end + 1].splitlines()
        start = end + 1
    yield text[start:].splitlines()


def tokens(text: str, gap: re.Pattern[str] = _GAP) -> Iterator[str]:
    """As ``text.split()``, in little memory. Another `gap` separates tokens elsewhere."""
    split = str.split if gap is _GAP else lambda piece: filter(None, gap.split(piece))
    return chain.from_iterable(split(piece) for piece in _token_pieces(text, gap))


def same(left: Iterable[str], right: Iterable[str]) -> bool:
    """Whether both give the same texts."""
    return all(starmap(eq, zip_longest(left, right)))


def is_utf8(text: str) -> bool:
    """Whether no lone surrogate stands for a byte that could not be decoded."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _close_words(tolerance: Tolerance, wanted: str, word: str) -> bool:
    if not (_NUMBER.fullmatch(wanted) and _NUMBER.fullmatch(word)):
        return False
    if _INTEGER.fullmatch(wanted) and _INTEGER.fullmatch(word):
        return _close_integers(tolerance, wanted, word)
    target, number = float(wanted), float(word)
    return math.isfinite(target) and math.isfinite(number) and close(tolerance, target, number)


def _close_integers(tolerance: Tolerance, wanted: str, word: str) -> bool:
    if max(len(wanted), len(word)) <= _MAX_DIGITS:
        return close_integers(tolerance, int(wanted), int(word))
    # int() takes quadratic time. Beside so many digits, no tolerance matters.
    return _plain_digits(wanted) == _plain_digits(word)


def _plain_digits(integer: str) -> str:
    digits = integer.lstrip("+-").lstrip("0")
    return "-" + digits if digits and integer.startswith("-") else digits


def _trimmed(text: str) -> str:
    text = text.rstrip(_BLANKS + "\n").replace("\r\n", "\n")
    # Most outputs have no white space at the ends of lines, and searching is fast.
    if not any(blank + "\n" in text for blank in _BLANKS):
        return text
    return "\n".join(
        "\n".join([line.rstrip(_BLANKS) for line in piece.split("\n")])
        for piece in _line_pieces(text)
    )


def _non_empty_lines(text: str) -> Iterator[str]:
    return filter(None, lines(_trimmed(text)))


def _single_spaced(text: str) -> str:
    words = (" ".join(piece.split()) for piece in _token_pieces(text, _GAP))
    return " ".join(filter(None, words))


def _line_pieces(text: str) -> Iterator[str]:
    """Parts of the text that a line break separates."""
    start = 0
    while (end := text.find("\n", start + _PIECE)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _token_pieces(text: str, gap: re.Pattern[str]) -> Iterator[str]:
    start = 0
    while found := gap.search(text, start + _PIECE):
        yield text[start : found.start()]
        start = found.end()
    yield text[start:]
