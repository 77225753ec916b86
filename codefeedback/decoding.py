"""From sampled ids to the text that they say, and the place of each in it.

The text is never encoded again, since that need not give the ids that were sampled, and no growing
prefixes are decoded. Grade the text that `decode` gives. It never cleans up
(`clean_up_tokenization_spaces`); a text that was cleaned up has other offsets. Units: offsets are
half-open (start, end) in code points of that text.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from codefeedback.errors import UsageError

Span = tuple[int, int]
#: What a token is before all are joined: text, or raw bytes of UTF-8.
_Piece = str | bytes

#: What to do about a tokenizer that cannot be read.
PAIRS_INSTEAD = "hand in one (start, end) pair per sampled id instead"
_HEX = re.compile(r"<0x([0-9A-Fa-f]{2})>")
#: 1 for a byte that starts a character, in valid UTF-8.
_STARTS = bytes(not 0x80 <= byte < 0xC0 for byte in range(256))
#: A vocabulary whose kind nobody states shows it in this many tokens: alphabets come first.
_SNIFFED = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What ids say: the text, and the place of each id in it."""

    text: str
    offsets: tuple[Span, ...]


def decode(tokenizer: Any, ids: Sequence[int], *, skip_special_tokens: bool = True) -> Decoded:
    """What `ids` say, and where each of them stands; the text is that of `tokenizer.decode`.

    Tokens that share a character (as the bytes of an emoji) all get that character; bytes that are
    no UTF-8 get the U+FFFD that they became. Ids that the tokenizer does not know, and special
    tokens that are skipped, have no text.

    The tokenizer is one of transformers or tokenizers, or an object with `convert_ids_to_tokens`
    and `all_special_ids`. What is read from it is kept as long as it lives: after the first call,
    it may get new tokens but must not change the old ones. UsageError if its decoder is of a kind
    that cannot be followed.
    """
    numbers = _plain_ids(ids)
    vocabularies = _vocabularies(tokenizer)
    for vocabulary in vocabularies:
        pieces = vocabulary.pieces(tokenizer, numbers, skip_special_tokens)
        decoded = vocabulary.scheme.join(pieces)
        if not vocabulary.checked:
            return decoded
        known = [number for number in numbers if number in vocabulary.known]
        shown = [number for number, piece in zip(numbers, pieces, strict=True) if piece is not None]
        agreed = _agreed(decoded, _own_text(tokenizer, known, shown, skip_special_tokens))
        if agreed is not None:
            return agreed
    raise UsageError(
        f"{type(tokenizer).__name__} decodes these ids in a way that cannot be followed: "
        f"{PAIRS_INSTEAD}"
    )


def decode_tokens(tokens: Sequence[str | bytes | None], kind: str) -> Decoded:
    """The same from raw tokens, as a vocabulary spells them. `kind` says how it spells:

    "byte-level": GPT-2's alphabet (a space is `Ġ`). "sentencepiece": a space is `▁`, bytes are
    `<0x0A>`, and one space at the very start is dropped. A token of type bytes is those bytes of
    UTF-8, and None has no text.
    """
    if kind not in _SCHEMES:
        raise UsageError(f"unknown kind of tokens {kind!r}; one of {', '.join(_SCHEMES)}")
    scheme = _SCHEMES[kind]
    return scheme.join(
        [scheme.piece(token, first=False) if isinstance(token, str) else token for token in tokens]
    )


def _listed(ids: Any) -> Any:
    try:
        return list(ids)
    except TypeError:
        return None


def _plain_ids(ids: Any) -> Sequence[int]:
    """Arrays and tensors as ints; a batch is refused."""
    if hasattr(ids, "keys"):  # what a tokenizer returns of a text
        raise UsageError('ids must be the sampled ids themselves, such as encoding["input_ids"]')
    numbers = ids.tolist() if hasattr(ids, "tolist") else ids
    numbers = numbers if isinstance(numbers, (list, tuple, str)) else _listed(numbers)
    try:
        hash(tuple(numbers))
    except TypeError:
        numbers = None
    if numbers is None or isinstance(numbers, str):
        raise UsageError("ids must be one flat sequence of token ids, not a batch")
    return numbers if isinstance(numbers, (list, tuple)) else list(numbers)


# --- how vocabularies spell: from a token to its piece, and from all pieces to the text ----------


class _Scheme(Protocol):
    @property
    def first_differs(self) -> bool:
        """Whether the first token of a text is spelled in a way of its own."""

    def piece(self, token: str, *, first: bool) -> _Piece: ...

    def join(self, pieces: Sequence[_Piece | None]) -> Decoded: ...


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's: bytes that are printable stand for themselves, the others for U+0100 and on."""
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in plain]
    alphabet = {chr(byte): byte for byte in plain}
    return alphabet | {chr(0x100 + number): byte for number, byte in enumerate(others)}


_ALPHABET = _byte_alphabet()


class _ByteLevel:
    """The decoder ByteLevel of tokenizers: all tokens' bytes, joined, are the text's UTF-8."""

    first_differs = False

    def piece(self, token: str, *, first: bool) -> _Piece:
        try:
            return bytes([_ALPHABET[character] for character in token])
        except KeyError:  # an added token, which is spelled as it is
            return token.encode("utf-8", "surrogatepass")

    def join(self, pieces: Sequence[_Piece | None]) -> Decoded:
        parts: Sequence[Any] = pieces
        try:
            text, offsets = _decode_utf8(parts)
        except TypeError:  # a piece is None: cheaper to find out so than to look
            text, offsets = _decode_utf8([piece or b"" for piece in parts])
        return Decoded(text=text, offsets=offsets)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strings:
    """The other decoders of tokenizers: a text per token, joined, and shortened at its ends.

    `replaced` are (what, by what, by what in the first token); `cuts` are (character, so many at
    the start, so many at the end); `fallback` is whether `<0x0A>` is a byte; `glue` stands before
    every token but the first, and belongs to it.
    """

    replaced: tuple[tuple[str, str, str], ...] = ()
    fallback: bool = False
    cuts: tuple[tuple[str, int, int], ...] = ()
    glue: str = ""
    first_differs: bool = False

    def piece(self, token: str, *, first: bool) -> _Piece:
        for what, by, by_first in self.replaced:
            token = token.replace(what, by_first if first else by)
        match = _HEX.fullmatch(token) if self.fallback else None
        return bytes([int(match[1], 16)]) if match else token

    def join(self, pieces: Sequence[_Piece | None]) -> Decoded:
        parts: list[str] = []
        offsets: list[Span] = []
        position = index = 0
        while index < len(pieces):
            piece = pieces[index]
            if isinstance(piece, bytes):
                text, places = _byte_run(pieces, index)
            else:
                text = "" if piece is None else self.glue + piece if parts else piece
                places = ((0, len(text)),)
            offsets += [(position + start, position + end) for start, end in places]
            index += len(places)
            position += len(text)
            if piece is not None:
                parts.append(text)
        return self._cut("".join(parts), offsets)

    def _cut(self, text: str, offsets: list[Span]) -> Decoded:
        start, end = 0, len(text)
        for character, at_start, at_end in self.cuts:
            while at_start and start < end and text[start] == character:
                start, at_start = start + 1, at_start - 1
            while at_end and start < end and text[end - 1] == character:
                end, at_end = end - 1, at_end - 1
        return _between(Decoded(text=text, offsets=tuple(offsets)), start, end)


def _between(decoded: Decoded, start: int, end: int) -> Decoded:
    """Only the characters [start, end) of it."""
    if (start, end) == (0, len(decoded.text)):
        return decoded
    moved = (
        (min(max(first, start), end) - start, min(max(last, start), end) - start)
        for first, last in decoded.offsets
    )
    return Decoded(text=decoded.text[start:end], offsets=tuple(moved))


def _byte_run(pieces: Sequence[_Piece | None], start: int) -> tuple[str, tuple[Span, ...]]:
    """The text of the bytes from `start` up to the next text, tokens without text included."""
    end = start
    while end < len(pieces) and not isinstance(pieces[end], str):
        end += 1
    parts: list[Any] = [piece or b"" for piece in pieces[start:end]]
    data = b"".join(parts)
    try:
        data.decode()
    except UnicodeDecodeError:
        # The decoder ByteFallback then gives up on the whole run: U+FFFD for every byte of it.
        return "\ufffd" * len(data), _places(parts, range(1, len(data) + 1), len(data))
    return _decode_utf8(parts)


def _decode_utf8(parts: Sequence[bytes]) -> tuple[str, tuple[Span, ...]]:
    """The text of all bytes, and the characters that each part takes part in.

    Python and Rust's from_utf8_lossy agree on how many U+FFFD a broken sequence becomes.
    """
    data = b"".join(parts)
    text = data.decode("utf-8", "replace")
    if len(text) == len(data):  # a byte each, whether ASCII or broken
        edges = list(accumulate(map(len, parts), initial=0))
        return text, tuple(pairwise(edges))
    starts = bytearray(data.translate(_STARTS))
    view, position = memoryview(data), 0
    while True:
        try:
            str(view[position:], "utf-8")
        except UnicodeDecodeError as error:
            start, end = position + error.start, position + error.end
            starts[start:end] = b"\1" + bytes(end - start - 1)
            position = end
        else:
            break
    return text, _places(parts, list(accumulate(starts)), len(text))


def _places(parts: Sequence[bytes], counts: Sequence[int], length: int) -> tuple[Span, ...]:
    """The characters of each part. `counts`: how many have begun, up to and with each byte."""
    places = []
    position = 0
    for part in parts:
        end = position + len(part)
        start = counts[position] - 1 if position < len(counts) else length
        places.append((start, counts[end - 1] if part else start))
        position = end
    return tuple(places)


_META = "▁"
_UNCUT = _Strings(replaced=((_META, " ", " "),), fallback=True)
_LITERAL = _Strings(replaced=((_META, " ", " "),))
_SCHEMES: dict[str, _Scheme] = {
    "byte-level": _ByteLevel(),
    "sentencepiece": _Strings(replaced=((_META, " ", " "),), fallback=True, cuts=((" ", 1, 0),)),
}


# --- what a tokenizer is, and what is kept of it -------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Vocabulary:
    """What is known of a tokenizer. It must not hold the tokenizer, which it lives as long as.

    `checked` is whether the text must be compared with what the tokenizer itself makes of it.
    """

    scheme: _Scheme
    token_of: Callable[[Any, int], str | None]
    special_ids: Callable[[Any], Iterable[int]]
    checked: bool
    known: dict[int, _Piece] = field(default_factory=dict)
    shown: dict[int, _Piece | None] = field(default_factory=dict)  # special tokens are None here

    def pieces(
        self, tokenizer: Any, ids: Sequence[int], skip_special_tokens: bool
    ) -> list[_Piece | None]:
        table: Mapping[int, _Piece | None] = self.shown if skip_special_tokens else self.known
        try:
            pieces = list(map(table.__getitem__, ids))
        except KeyError:
            self._learn(tokenizer, set(ids).difference(table))
            pieces = list(map(table.get, ids))
        if self.scheme.first_differs:
            for index, piece in enumerate(pieces):
                if piece is not None:
                    token = self.token_of(tokenizer, ids[index]) or ""
                    pieces[index] = self.scheme.piece(token, first=True)
                    break
        return pieces

    def _learn(self, tokenizer: Any, ids: Iterable[int]) -> None:
        """Unknown ids are not kept, since the tokenizer may get new tokens."""
        ids = list(ids)
        for number in ids:
            if not hasattr(number, "__index__"):
                raise UsageError(f"{number!r} is no token id")
        tokens = ((number, self.token_of(tokenizer, int(number))) for number in ids)
        named = [(number, token) for number, token in tokens if token is not None]
        special = frozenset(self.special_ids(tokenizer)) if named else frozenset()
        for number, token in named:
            piece = self.scheme.piece(token, first=False)
            self.known[number] = piece
            self.shown[number] = None if number in special else piece


_cache: WeakKeyDictionary[Any, tuple[_Vocabulary, ...]] = WeakKeyDictionary()
_cache_lock = threading.Lock()


def _vocabularies(tokenizer: Any) -> tuple[_Vocabulary, ...]:
    """The ways to read `tokenizer`, to be tried in turn."""
    try:
        with _cache_lock:
            kept = _cache.get(tokenizer)
        if kept is not None:
            return kept
        read = _read(tokenizer)
        with _cache_lock:
            _cache[tokenizer] = read
        return read
    except TypeError:  # neither hashable nor weakly referable: nothing is kept
        return _read(tokenizer)


def _read(tokenizer: Any) -> tuple[_Vocabulary, ...]:
    backend = _backend(tokenizer)
    if backend is not None:
        return (
            _Vocabulary(
                scheme=_scheme_of(_decoder_of(backend)),
                token_of=_backend_token,
                special_ids=_backend_special_ids,
                checked=False,
            ),
        )
    if not hasattr(tokenizer, "convert_ids_to_tokens"):
        raise UsageError(f"{type(tokenizer).__name__} is no tokenizer: {PAIRS_INSTEAD}")
    own = hasattr(tokenizer, "decode")
    return tuple(
        _Vocabulary(
            scheme=scheme,
            token_of=_python_token,
            special_ids=lambda tokenizer: getattr(tokenizer, "all_special_ids", ()),
            checked=own,
        )
        for scheme in _python_schemes(tokenizer, own)
    )


def _backend(tokenizer: Any) -> Any:
    """The Rust tokenizer, or None."""
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    return backend if hasattr(backend, "id_to_token") and hasattr(backend, "decoder") else None


def _backend_token(tokenizer: Any, number: int) -> str | None:
    try:
        token: str | None = _backend(tokenizer).id_to_token(number)
    except OverflowError:
        raise UsageError(f"{number} is no token id") from None
    return token


def _backend_special_ids(tokenizer: Any) -> list[int]:
    backend = _backend(tokenizer)
    if hasattr(backend, "get_added_tokens_decoder"):
        added = backend.get_added_tokens_decoder()
        return [number for number, token in added.items() if token.special]
    rows = json.loads(backend.to_str())["added_tokens"]
    return [row["id"] for row in rows if row["special"]]


def _python_token(tokenizer: Any, number: int) -> str | None:
    if number < 0:
        raise UsageError(f"{number} is no token id")
    try:
        tokens = tokenizer.convert_ids_to_tokens([number])
    except (LookupError, ValueError, OverflowError):  # beyond the vocabulary
        return None
    return tokens[0] if tokens and isinstance(tokens[0], str) else None


def _python_schemes(tokenizer: Any, own: bool) -> tuple[_Scheme, ...]:
    """How a tokenizer that is written in Python may spell; `own`: it can decode by itself."""
    if hasattr(tokenizer, "byte_decoder"):
        return (_SCHEMES["byte-level"],)
    pieces = (_UNCUT, _LITERAL) if own else (_SCHEMES["sentencepiece"],)
    if hasattr(tokenizer, "sp_model"):
        return pieces
    seen = "".join(_python_token(tokenizer, number) or "" for number in range(_SNIFFED))
    if "Ġ" in seen and _META not in seen:
        return (_SCHEMES["byte-level"],)
    if _META in seen or _HEX.search(seen):
        return pieces
    raise UsageError(
        f"{type(tokenizer).__name__} does not show how it spells its tokens: {PAIRS_INSTEAD}"
    )


def _own_text(tokenizer: Any, known: list[int], shown: list[int], skip: bool) -> str:
    """What it says itself of the ids it knows; `shown` are those without skipped ones."""
    options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": False}
    try:
        return str(tokenizer.decode(known, **options))
    except TypeError:  # a plain class without these options
        return str(tokenizer.decode(shown))


def _agreed(decoded: Decoded, text: str) -> Decoded | None:
    """`decoded` without those blanks at its ends that `text` lacks; None if they differ more."""
    start = _indent(decoded.text) - _indent(text) if text.strip() else 0
    end = start + len(text)
    if start < 0 or decoded.text[start:end] != text:
        return None
    if decoded.text[:start].strip() or decoded.text[end:].strip():
        return None
    return _between(decoded, start, end)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _decoder_of(backend: Any) -> Any:
    """The decoder's description as tokenizer.json has it."""
    if backend.decoder is None:
        return None
    try:
        state = backend.decoder.__getstate__()
        if isinstance(state, (bytes, str)):
            return json.loads(state)
        return json.loads(backend.to_str())["decoder"]  # slow: it has the whole vocabulary
    except Exception as error:  # a decoder written in Python has no description
        raise UsageError(f"this tokenizer's decoder is unknown: {PAIRS_INSTEAD}") from error


def _scheme_of(decoder: Any) -> _Scheme:
    """How a tokenizer with this decoder spells."""
    if decoder is None:
        return _Strings(glue=" ")
    steps = _steps(decoder)
    kinds = [step["type"] for step in steps]
    if kinds[:1] == ["ByteLevel"] and set(kinds[1:]) <= {"Fuse"}:
        return _SCHEMES["byte-level"]
    order = {"Replace": 0, "Metaspace": 0, "ByteFallback": 1, "Fuse": 2, "Strip": 3}
    ranks = [order.get(kind, -1) for kind in kinds]
    fused = "Fuse" in kinds or "Strip" not in kinds
    if -1 in ranks or ranks != sorted(ranks) or not fused:
        raise UsageError(f"the decoder {' + '.join(kinds)} cannot be followed: {PAIRS_INSTEAD}")
    replaced = tuple(
        _replacement(step) for step, rank in zip(steps, ranks, strict=True) if not rank
    )
    return _Strings(
        replaced=replaced,
        fallback="ByteFallback" in kinds,
        cuts=tuple(
            (step["content"], step["start"], step["stop"])
            for step in steps
            if step["type"] == "Strip"
        ),
        first_differs=any(by != by_first for _, by, by_first in replaced),
    )


def _steps(decoder: Any) -> list[Any]:
    if decoder["type"] != "Sequence":
        return [decoder]
    return [step for inner in decoder["decoders"] for step in _steps(inner)]


def _replacement(step: Any) -> tuple[str, str, str]:
    """(what, by what, by what in the first token) of a step Replace or Metaspace."""
    if step["type"] == "Metaspace":
        # Files of older versions have add_prefix_space instead.
        scheme = step.get("prepend_scheme") or (
            "always" if step.get("add_prefix_space", True) else "never"
        )
        return step["replacement"], " ", " " if scheme == "never" else ""
    if "String" not in step["pattern"]:
        raise UsageError(f"a decoder with a regular expression cannot be followed: {PAIRS_INSTEAD}")
    return step["pattern"]["String"], step["content"], step["content"]
