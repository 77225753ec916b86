"""In which column the compiler stumbled, in code points.

CPython counts the columns of some errors in UTF-8 bytes and of others in code points, differently
from version to version. Where all is ASCII that is the same, so the compiler is asked once more
about a text in which each other character is replaced by a letter.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Optional

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")  # PEP 263
_OTHER = re.compile("[^\x00-\x7f]")
_LAST_WORD = re.compile(r"\S+\s*\Z")
_PLACES = ("offset", "end_lineno", "end_offset")


def has_cookie(data: bytes) -> bool:
    """Whether a text says how it is encoded."""
    return any(_COOKIE.match(line) for line in data.split(b"\n", 2)[:2])


def settle(error: SyntaxError, data: bytes) -> None:
    """Changes an error's columns to code points, or removes them where they cannot be known."""
    line, unsure = error.lineno, False
    if "was never closed" in str(error.msg):
        error.can_go_on = _can_go_on(data)  # type: ignore[attr-defined]
    # Before 3.12 the inside of an f-string was compiled by itself.
    if sys.version_info < (3, 12) and str(error.msg).startswith("f-string"):
        unsure = True
    elif type(line) is int and not data.isascii():
        if has_cookie(data):
            unsure = True
        else:
            text = data.decode("utf-8", "surrogatepass")
            unsure = _is_foreign(text, line) and not _settle_by_twin(error, text)
    if unsure:
        error.offset = None
        error.end_offset = None


def _is_foreign(text: str, line: int) -> bool:
    """Whether a line has characters that are no ASCII."""
    lines = re.split("\r\n|\r|\n", text)
    return not (0 < line <= len(lines)) or not lines[line - 1].isascii() or line == 1


def _settle_by_twin(error: SyntaxError, text: str) -> bool:
    twin = _OTHER.sub("x", text[1:] if text.startswith("\ufeff") else text)
    try:
        # CPython reads the line from the file of that name, to count columns: there must be none.
        compile(twin, "<twin>", "exec", dont_inherit=True)
    except SyntaxError as other:
        if (other.lineno, other.msg) == (error.lineno, error.msg):
            for place in _PLACES:
                setattr(error, place, getattr(other, place, None))
            return True
    except Exception:
        pass  # one more reason to be unsure
    return False


def _can_go_on(data: bytes) -> Optional[bool]:
    """Whether a text with an open bracket is right as far as it goes; None if that is not sure.

    CPython names the open bracket also where it stumbled over something else inside of it.
    """
    import codeop
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = data.decode("utf-8")
            # The last word may have been cut itself: `els`.
            return any(_is_incomplete(codeop, each) for each in (text, _LAST_WORD.sub("", text)))
    except Exception:
        return None


def _is_incomplete(codeop: Any, text: str) -> bool:
    try:
        return codeop.compile_command(text, "<twin>", "exec") is None
    except SyntaxError:
        return False
