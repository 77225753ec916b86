"""Measures the way from spans to token weights, with the tokenizers of CodeT5 and Qwen2.5-Coder.

    CODEFEEDBACK_DATA=FOLDER python benchmarks/tokens.py spans
    CODEFEEDBACK_DATA=FOLDER python benchmarks/tokens.py weights --json results.jsonl

`spans`: for every non-blank line and some random spans of 8,200 programs by CodeGen-16B, the tokens
that we name must be those whose bytes overlap the span's bytes, counted in bytes from the raw
vocabulary. `weights`: from 512 raw ids to a weight per token, over the way of RLTF's released code,
which decodes prefixes until one is as long as the text before the line, and on until one has all of
the line. It is given transformers' fast tokenizer; the one that it came with was slower.

Needs tokenizers and transformers.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import statistics
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import click
from measuring import Figure, alternate, check, evenly, publish, timed
from rich.progress import track

from codefeedback import decoding, tokens
from codefeedback import spans as example

NAMES = ("codet5", "qwen")
LENGTH = 512
_LINE = re.compile(r"[^\r\n]*[^\s][^\r\n]*")


@click.group(help=__doc__)
def main() -> None:
    pass


def _data() -> Path:
    folder = os.environ.get("CODEFEEDBACK_DATA")
    if not folder:
        raise click.UsageError("set CODEFEEDBACK_DATA to the folder with the public data sets")
    return Path(folder)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise click.UsageError(f"{error}: install tokenizers and transformers") from error


def _tokenizer(name: str) -> Any:
    """A fast tokenizer of transformers, made of the published files."""
    folder = _data() / "tokenizers" / name
    tokenizers, transformers = _module("tokenizers"), _module("transformers")
    if name == "qwen":
        return transformers.AutoTokenizer.from_pretrained(folder)
    files = (str(folder / "vocab.json"), str(folder / "merges.txt"))
    bare = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(*files, unk_token="<unk>"))
    bare.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = tokenizers.decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bare, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


# --- spans ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Count:
    samples: int = 0
    reproduced: int = 0
    spans: int = 0
    right: int = 0

    @property
    def perfect(self) -> bool:
        return self.reproduced == self.samples > 0 and self.right == self.spans > 0


@main.command()
@click.option("--limit", type=click.IntRange(1), help="so many samples, spread evenly")
@click.option("--seed", default=0, show_default=True, help="of the random spans")
def spans(limit: int | None, seed: int) -> None:
    """The tokens of spans against a count in bytes; must be right for all."""
    with (_data() / "humaneval" / "codegen16b_samples.jsonl").open() as file:
        completions = [str(json.loads(line)["completion"]) for line in file]
    perfect = True
    for name in NAMES:
        count = _count(_tokenizer(name), evenly(completions, limit), random.Random(seed))
        perfect = perfect and count.perfect
        click.echo(
            f"{name}: {count.samples} samples, {count.reproduced} reproduced from their ids; "
            f"{count.spans} spans, {count.right} right = {count.right / count.spans:.4%}"
        )
    sys.exit(not perfect)


def _count(tokenizer: Any, completions: Sequence[str], chance: random.Random) -> _Count:
    count, pieces = _Count(), _vocabulary(tokenizer)
    for text in track(completions, disable=not sys.stderr.isatty()):
        ids = tokenizer.encode(text, add_special_tokens=False)
        decoded = decoding.decode(tokenizer, ids)
        count.samples += 1
        count.reproduced += decoded.text == text
        expected = _by_bytes(text, [pieces[number] for number in ids])
        for start, end in _spans_of(text, chance):
            found = tokens.token_indices([(start, end)], decoded.offsets)
            count.spans += 1
            count.right += found == expected(start, end)
    return count


def _vocabulary(tokenizer: Any) -> dict[int, bytes]:
    """The bytes of each token, by transformers' own table."""
    alphabet = _module("transformers.convert_slow_tokenizer").bytes_to_unicode()
    byte_of = {character: byte for byte, character in alphabet.items()}
    added = {str(token): str(token).encode() for token in tokenizer.added_tokens_decoder.values()}
    return {
        number: added.get(token) or bytes(byte_of[character] for character in token)
        for token, number in tokenizer.get_vocab().items()
    }


def _by_bytes(text: str, pieces: Sequence[bytes]) -> Callable[[int, int], list[int]]:
    """What the tokens of a span are: those with a byte of it. None if they are not the text."""
    data = text.encode()
    if b"".join(pieces) != data:
        return lambda start, end: [-1]
    ends = list(accumulate(map(len, pieces)))

    def expected(start: int, end: int) -> list[int]:
        first_byte, after = len(text[:start].encode()), len(text[:end].encode())
        first, last = bisect_right(ends, first_byte), bisect_left(ends, after)
        assert text[start:end].encode() in b"".join(pieces[first : last + 1])
        return list(range(first, last + 1))

    return expected


def _spans_of(text: str, chance: random.Random) -> Iterator[tuple[int, int]]:
    for match in _LINE.finditer(text):
        yield match.span()
    for _ in range(5 if text else 0):
        start = chance.randrange(len(text))
        yield start, chance.randint(start + 1, len(text))


# --- weights -------------------------------------------------------------------------------------


def prefix_decoding(tokenizer: Any, ids: Sequence[int], line: str) -> list[int]:
    """The tokens of the first place that reads like `line`, in the way of RLTF's released code."""
    start = tokenizer.decode(ids).find(line)
    found: list[int] = []
    if start < 0:
        return found
    for index in range(len(ids)):
        text = tokenizer.decode(ids[: index + 1])
        if len(text) > start:
            found.append(index)
            if line in text:
                break
    return found


@main.command()
@click.option("--rounds", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="append the results as lines of JSON",
)
def weights(rounds: int, json_file: Path | None) -> None:
    """Weights from raw ids over decoding prefixes, for each line of a program in turn."""
    for name in NAMES:
        publish(_weights(name, _tokenizer(name), rounds), json_file)


def _weights(name: str, tokenizer: Any, rounds: int) -> Figure:
    program = Path(example.__file__).read_text()
    ids = tokenizer.encode(program, add_special_tokens=False)[:LENGTH]
    check(len(ids) == LENGTH, f"{len(ids)} ids")
    text = decoding.decode(tokenizer, ids).text
    wanted = [match.group().strip() for match in _LINE.finditer(text)]
    places = [(text.index(line), text.index(line) + len(line)) for line in wanted]

    def ours(place: tuple[int, int]) -> list[float]:
        decoded = decoding.decode(tokenizer, ids)
        blame = tokens.Blame(spans=(place,), weight=-0.3)
        return tokens.weigh([blame], decoded.offsets, [(0, len(decoded.text))])

    for line, place in zip(wanted, places, strict=True):
        touched = [index for index, weight in enumerate(ours(place)) if weight]
        check(touched == prefix_decoding(tokenizer, ids, line), repr(line))

    def cold(place: tuple[int, int]) -> list[float]:
        decoding._cache.clear()
        return ours(place)

    sides = (
        _rate(ours, places),
        _rate(cold, places),
        _rate(lambda line: prefix_decoding(tokenizer, ids, line), wanted),
    )
    warm_rates, cold_rates, theirs = alternate(rounds, *sides)
    return Figure(
        name=f"weights, {name}",
        unit="sequences/s",
        ours=warm_rates,
        theirs=theirs,
        target=100,
        at_least=True,
        more={
            "milliseconds_of_ours": round(1000 / statistics.median(warm_rates), 4),
            "milliseconds_of_theirs": round(1000 / statistics.median(theirs), 4),
            "milliseconds_of_ours_without_cache": round(1000 / statistics.median(cold_rates), 4),
            "ratio_without_cache": round(
                statistics.median(cold_rates) / statistics.median(theirs), 2
            ),
            "lines": len(wanted),
        },
    )


def _rate(function: Callable[[Any], object], arguments: Sequence[Any]) -> Callable[[], float]:
    """So many calls per second, one for each argument."""

    def side() -> float:
        with timed() as watch:
            for argument in arguments:
                function(argument)
        return len(arguments) / watch.seconds

    return side


if __name__ == "__main__":
    main()
