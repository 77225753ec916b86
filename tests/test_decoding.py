"""What ids say and where each stands: against real tokenizers, and without any."""

from __future__ import annotations

import gc
import os
import random
import weakref
from bisect import bisect_left
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codefeedback.decoding import Decoded, decode, decode_tokens
from codefeedback.errors import UsageError
from codefeedback.tokens import offsets_from

TEXT = st.text(
    st.one_of(
        st.sampled_from("\n\r\t abc()=:▁Ġ\u2028\ufeff\ufffdéä€日本𝄞👩\u200d\u0301\0"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)
PROGRAMS = [
    "def f(x):\n    return x + 1\n",
    "s = '👩‍👩‍👧 日本語 e\u0301 ñ 𝄞'\r\nprint(s)\r\n",
    "\tif a:\n\t\tb = 'ß'  # ▁ and Ġ\n\n\n    c = [1,\t2]\n",
    " leading, and trailing  \n",
    "▁",
    "\ufeffx = '\ufffd'\n",
    "",
]


def check_offsets(decoded: Decoded) -> None:
    """The tokens go through the text in order, and leave nothing out."""
    starts = [start for start, _ in decoded.offsets]
    assert starts == sorted(starts)
    assert all(start <= end for start, end in decoded.offsets)
    assert all(after[0] in (before[1], before[1] - 1) or before[0] == before[1] == after[0]
               for before, after in pairwise(decoded.offsets))  # fmt: skip
    covered = {at for start, end in decoded.offsets for at in range(start, end)}
    assert covered == set(range(len(decoded.text)))


# --- tokens that need no tokenizer ---------------------------------------------------------------


def cut(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


CUTS = st.lists(st.integers(0, 120), max_size=30)


@given(TEXT, CUTS)
def test_bytes_of_a_text(text: str, cuts: list[int]) -> None:
    parts = cut(text.encode(), cuts)
    decoded = decode_tokens(parts, "byte-level")
    assert decoded.text == text
    check_offsets(decoded)
    ends = [len(text[:count].encode()) for count in range(1, len(text) + 1)]
    place = 0
    for part, (start, end) in zip(parts, decoded.offsets, strict=True):
        if part:
            owner = [bisect_left(ends, byte + 1) for byte in range(place, place + len(part))]
            assert (start, end) == (owner[0], owner[-1] + 1)
        place += len(part)


@given(
    st.lists(st.sampled_from(b"a\x80\xbf\xc2\xc3\xe0\xe2\xed\xa0\x82\xac\xf0\x9f\x98\xf4\xff")),
    CUTS,
)
def test_any_bytes(data: list[int], cuts: list[int]) -> None:
    parts = cut(bytes(data), cuts)
    decoded = decode_tokens(parts, "byte-level")
    assert decoded.text == bytes(data).decode("utf-8", "replace")
    check_offsets(decoded)


@pytest.mark.parametrize(
    ("tokens", "text", "offsets"),
    [
        (["def", "Ġf", "Ċ"], "def f\n", [(0, 3), (3, 5), (5, 6)]),
        ([b"\xf0\x9f", None, b"\x98", b"\x80!"], "😀!", [(0, 1), (0, 0), (0, 1), (0, 2)]),
        ([b"\xf0\x9f", b"a", b"\x98\x80"], "\ufffda\ufffd\ufffd", [(0, 1), (1, 2), (2, 4)]),
        # The first two bytes are the beginning of a character, and so one U+FFFD together.
        ([b"\xe2", b"\x82", b"\xe2\x82"], "\ufffd\ufffd", [(0, 1), (0, 1), (1, 2)]),
        # An added token is spelled as it is, if it has characters that no byte is written with.
        (["two words", "日", "Ġ日"], "two words日Ġ日", [(0, 9), (9, 10), (10, 12)]),
        ([None, None], "", [(0, 0), (0, 0)]),
        ([], "", []),
    ],
)
def test_byte_level_tokens(
    tokens: list[str | bytes | None], text: str, offsets: list[tuple[int, int]]
) -> None:
    assert decode_tokens(tokens, "byte-level") == Decoded(text=text, offsets=tuple(offsets))


@pytest.mark.parametrize(
    ("tokens", "text", "offsets"),
    [
        (["▁def", "▁f", "<0x0A>", "▁▁x"], "def f\n  x", [(0, 3), (3, 5), (5, 6), (6, 9)]),
        (["▁", "▁a"], " a", [(0, 0), (0, 2)]),
        (
            ["a", "<0xE6>", "<0x97>", None, "<0xA5>"],
            "a日",
            [(0, 1), (1, 2), (1, 2), (1, 1), (1, 2)],
        ),
        # One bad byte, and the decoder of tokenizers gives up on all that stand together.
        (["<0x41>", "<0xE6>", "b"], "\ufffd\ufffdb", [(0, 1), (1, 2), (2, 3)]),
        (["<0xE6>", "▁", "<0x97>"], "\ufffd \ufffd", [(0, 1), (1, 2), (2, 3)]),
        ([None, "▁x", b"\xc3\xa9"], "xé", [(0, 0), (0, 1), (1, 2)]),
        ([], "", []),
    ],
)
def test_sentencepiece_tokens(
    tokens: list[str | bytes | None], text: str, offsets: list[tuple[int, int]]
) -> None:
    assert decode_tokens(tokens, "sentencepiece") == Decoded(text=text, offsets=tuple(offsets))


def test_kinds_of_tokens() -> None:
    with pytest.raises(UsageError, match=r"'wordpiece'.*byte-level, sentencepiece"):
        decode_tokens(["a"], "wordpiece")


# --- tokenizers without tokenizers ---------------------------------------------------------------


class Minimal:
    """The least that counts as a tokenizer; id 0 is special."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = ["</s>", *tokens]
        self.all_special_ids = [0]

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [self.tokens[number] for number in ids]

    def __len__(self) -> int:
        return len(self.tokens)


class WithDecode(Minimal):
    def __init__(self, tokens: list[str], own: Callable[[str], str]) -> None:
        super().__init__(tokens)
        self.own = own
        self.sp_model = None

    def decode(self, ids: list[int]) -> str:
        return self.own("".join(self.convert_ids_to_tokens(ids)))


def test_minimal_byte_level() -> None:
    tokenizer = Minimal(["Ġa", "Ã", "©", "b"])
    expected = Decoded(text=" aéb", offsets=((0, 2), (2, 3), (2, 3), (3, 4), (4, 4), (4, 4)))
    assert decode(tokenizer, [1, 2, 3, 4, 0, 99]) == expected
    kept = decode(tokenizer, [0, 4], skip_special_tokens=False)
    assert kept == Decoded(text="</s>b", offsets=((0, 4), (4, 5)))
    with pytest.raises(UsageError, match="-100 is no token id"):
        decode(tokenizer, [1, -100])


def test_minimal_sentencepiece() -> None:
    tokenizer = Minimal(["▁a", "<0xC3>", "<0xA9>"])
    assert decode(tokenizer, [0, 1, 2, 3]).text == "aé"
    assert offsets_from(tokenizer, [0, 1, 2, 3]) == [(0, 0), (0, 1), (1, 2), (1, 2)]


def test_byte_decoder() -> None:
    tokenizer = Minimal(["x"])
    tokenizer.byte_decoder = {}  # type: ignore[attr-defined]
    assert decode(tokenizer, [1, 0, 1]).text == "xx"


def test_what_cannot_be_read() -> None:
    with pytest.raises(UsageError, match=r"does not show how it spells.*pair per sampled id"):
        decode(Minimal(["a", "b"]), [1])
    with pytest.raises(UsageError, match="int is no tokenizer"):
        decode(3, [1])
    with pytest.raises(UsageError, match="not a batch"):
        decode(Minimal(["Ġa"]), [[1]])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("own", "text", "offsets"),
    [
        (lambda joined: joined.replace("▁", " ").strip(), "a <0x0A>", ((0, 1), (1, 2), (2, 8))),
        (lambda joined: joined.replace("▁", " ")[1:], "a <0x0A>", ((0, 1), (1, 2), (2, 8))),
        (
            lambda joined: joined.replace("▁", " ").replace("<0x0A>", "\n"),
            " a \n",
            ((0, 2), (2, 3), (3, 4)),
        ),
    ],
)
def test_a_python_tokenizer_has_the_last_word(
    own: Callable[[str], str], text: str, offsets: tuple[tuple[int, int], ...]
) -> None:
    tokenizer = WithDecode(["▁a", "▁", "<0x0A>"], own)
    assert decode(tokenizer, [1, 2, 3, 0, 77]).text == text
    assert decode(tokenizer, [1, 2, 3]).offsets == offsets
    assert decode(tokenizer, [0]).text == decode(tokenizer, []).text == ""


def test_a_python_tokenizer_that_disagrees() -> None:
    with pytest.raises(UsageError, match="cannot be followed: hand in one"):
        decode(WithDecode(["▁a"], str.upper), [1])


def test_a_token_is_asked_for_once() -> None:
    asked: list[int] = []

    class Counting(Minimal):
        def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
            asked.extend(ids)
            return super().convert_ids_to_tokens(ids)

    tokenizer = Counting(["Ġa", "b"])
    decode(tokenizer, [1, 1, 2])
    before = len(asked)
    assert decode(tokenizer, [2, 1, 0]).text == "b a"
    assert asked[before:] == [0]


def test_nothing_keeps_a_tokenizer_alive() -> None:
    tokenizer = Minimal(["Ġa"])
    decode(tokenizer, [1])
    gone = weakref.ref(tokenizer)
    del tokenizer
    gc.collect()
    assert gone() is None


def test_a_tokenizer_that_grows() -> None:
    tokenizer = Minimal(["Ġa"])
    assert decode(tokenizer, [1, 2]).text == " a"
    tokenizer.tokens.append("<new>")
    assert decode(tokenizer, [1, 2]).text == " a<new>"


def test_a_tokenizer_that_cannot_be_kept() -> None:
    class Unhashable(Minimal):
        __hash__ = None  # type: ignore[assignment]

    assert decode(Unhashable(["Ġa"]), [1]).text == " a"


# --- real tokenizers -----------------------------------------------------------------------------


def own_text(tokenizer: Any, ids: list[int], skip: bool) -> str:
    if hasattr(tokenizer, "convert_ids_to_tokens"):
        return str(
            tokenizer.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
        )
    return str(tokenizer.decode(ids, skip_special_tokens=skip))


def check_same(tokenizer: Any, ids: list[int]) -> None:
    for skip in (True, False):
        decoded = decode(tokenizer, ids, skip_special_tokens=skip)
        assert decoded.text == own_text(tokenizer, ids, skip), ids
        assert len(decoded.offsets) == len(ids)
        check_offsets(decoded)


def check_random_ids(tokenizer: Any, size: int, rounds: int = 300) -> None:
    """Beyond the vocabulary too, as a model with a padded embedding samples them."""
    chance = random.Random(0)
    for number in range(rounds):
        most = size + 20 if number % 2 else min(size, 300)
        check_same(tokenizer, [chance.randrange(most) for _ in range(chance.randrange(40))])


def byte_level() -> Any:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=["<s>", "</s>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(PROGRAMS * 3, trainer)
    # Some of these can be read as bytes, and some cannot.
    names = ["<think>", "two words", "日本", "é", "Ġ日"]
    tokenizer.add_tokens(
        [tokenizers.AddedToken(name, special=False, normalized=False) for name in names]
    )
    return tokenizer


def strings(decoder: Callable[[Any], Any]) -> Any:
    """A Unigram model with byte fallback, with the decoder that `decoder(decoders)` makes."""
    tokenizers = pytest.importorskip("tokenizers")
    pieces = ["▁", "▁def", "▁f", "x", "▁▁", "▁▁▁▁", "return", "a▁b", "(", ")", ":", "é", "日", "+"]
    names = ["<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    vocabulary = [("<unk>", 0.0)] + [(name, -float(len(names))) for name in names]
    model = tokenizers.models.Unigram(vocabulary, unk_id=0, byte_fallback=True)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.Replace(" ", "▁")
    made = decoder(tokenizers.decoders)
    if made is not None:
        tokenizer.decoder = made
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.add_tokens([tokenizers.AddedToken("<tool call>", special=False)])
    return tokenizer


STRINGS: dict[str, Callable[[Any], Any]] = {
    "llama": lambda d: d.Sequence(
        [d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)]
    ),
    "gemma": lambda d: d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse()]),
    "t5": lambda d: d.Metaspace(),
    "t5, first": lambda d: d.Metaspace(prepend_scheme="first"),
    "t5, never": lambda d: d.Metaspace(prepend_scheme="never"),
    "tips": lambda d: d.Sequence([d.Metaspace(), d.ByteFallback(), d.Fuse()]),
    "nested": lambda d: d.Sequence([d.Sequence([d.Replace("▁", "  ")]), d.Fuse()]),
    "ends": lambda d: d.Sequence([d.Replace("▁", " "), d.Fuse(), d.Strip("x", 2, 0)]),
    "fuse": lambda d: d.Fuse(),
    "bytes, fused": lambda d: d.Sequence([d.ByteLevel(), d.Fuse()]),
    "fallback": lambda d: d.ByteFallback(),
    "none": lambda d: None,
}


@pytest.fixture(scope="module")
def trained() -> Any:
    return byte_level()


@pytest.fixture(scope="module")
def trained_fast(trained: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained, bos_token="<s>", eos_token="</s>"
    )


@settings(deadline=None)
@given(text=TEXT)
def test_byte_level_round_trip(trained: Any, text: str) -> None:
    encoding = trained.encode(text)
    decoded = decode(trained, encoding.ids, skip_special_tokens=False)
    check_offsets(decoded)
    if not any(name in text for name in ("é", "<s>", "</s>")):  # "é" is added, and read as a byte
        assert decoded.text == text
        assert list(decoded.offsets) == encoding.offsets


@settings(deadline=None)
@given(ids=st.lists(st.integers(0, 450), max_size=40))
def test_byte_level_ids(trained: Any, trained_fast: Any, ids: list[int]) -> None:
    check_same(trained, ids)
    check_same(trained_fast, ids)


@pytest.mark.parametrize("name", STRINGS)
def test_other_decoders(name: str) -> None:
    tokenizer = strings(STRINGS[name])
    size = tokenizer.get_vocab_size()
    check_random_ids(tokenizer, size)
    chance = random.Random(1)
    for _ in range(300):  # the rare ones often: ▁ in front, bytes of one character, special ones
        high = chance.choices([0, 1, 2, 233, 154, 168, *range(259, size)], k=chance.randrange(9))
        check_same(tokenizer, high)
    for text in PROGRAMS:
        check_same(tokenizer, tokenizer.encode(text).ids)


def test_both_ends_are_cut() -> None:
    tokenizer = strings(lambda d: d.Sequence([d.Fuse(), d.Strip("x", 1, 2)]))
    x, colon = tokenizer.token_to_id("x"), tokenizer.token_to_id(":")
    for count in range(4):
        ids = [x] * count + [colon] + [x] * count
        check_same(tokenizer, ids)
    assert decode(tokenizer, [x, colon, x, x, x]).offsets == (
        (0, 0),
        (0, 1),
        (1, 2),
        (2, 2),
        (2, 2),
    )


@pytest.mark.parametrize("name", STRINGS)
def test_other_decoders_in_transformers(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    inner = strings(STRINGS[name])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    check_random_ids(tokenizer, len(tokenizer), 100)


@settings(deadline=None, max_examples=50)
@given(text=TEXT.filter(lambda text: "▁" not in text and "<" not in text))
def test_byte_fallback_round_trip(text: str) -> None:
    tokenizer = strings(STRINGS["gemma"])
    decoded = decode(tokenizer, tokenizer.encode(text).ids)
    assert decoded.text == text
    check_offsets(decoded)


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        (lambda d: d.WordPiece(), "WordPiece cannot be followed: hand in one"),
        (lambda d: d.BPEDecoder(), "BPEDecoder cannot be followed"),
        (lambda d: d.Strip(" ", 1, 0), "Strip cannot be followed"),
        (lambda d: d.Sequence([d.ByteFallback(), d.Metaspace()]), r"ByteFallback \+ Metaspace"),
        (lambda d: d.Sequence([d.Fuse(), d.ByteLevel()]), r"Fuse \+ ByteLevel"),
        (lambda d: d.Decoder.custom(Minimal([])), "decoder is unknown: hand in one"),
    ],
)
def test_decoders_that_are_refused(decoder: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        decode(strings(decoder), [1])


def test_regular_expressions_are_refused() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    pattern = tokenizers.Regex("a+")
    with pytest.raises(UsageError, match="regular expression"):
        decode(strings(lambda d: d.Replace(pattern, "b")), [1])


def test_ids_that_are_none(trained: Any) -> None:
    for number in (-1, 2**40):
        with pytest.raises(UsageError, match=f"{number} is no token id"):
            decode(trained, [number])


def test_a_fast_tokenizer_that_grows() -> None:
    tokenizer = byte_level()
    ids = tokenizer.encode("def").ids
    assert decode(tokenizer, ids).text == "def"
    tokenizer.add_special_tokens(["<new>"])
    ids.append(tokenizer.token_to_id("<new>"))
    check_same(tokenizer, ids)
    gone = weakref.ref(tokenizer)
    del tokenizer
    gc.collect()
    assert gone() is None


def test_threads() -> None:
    tokenizer = byte_level()
    chance = random.Random(2)
    rows = [[chance.randrange(400) for _ in range(100)] for _ in range(100)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda ids: decode(tokenizer, ids), rows))
    assert [decoded.text for decoded in found] == [tokenizer.decode(ids) for ids in rows]


def test_tensors(trained: Any) -> None:
    torch = pytest.importorskip("torch")
    ids = trained.encode("def f").ids
    assert decode(trained, torch.tensor(ids)) == decode(trained, ids)
    assert offsets_from(torch.tensor([[0, 3], [3, 5]]), torch.tensor(ids)[:2]) == [(0, 3), (3, 5)]
    with pytest.raises(UsageError, match="not a batch"):
        decode(trained, torch.tensor([ids]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_sentencepiece_in_python(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    transformers = pytest.importorskip("transformers")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in PROGRAMS for line in text.split("\n")] * 5),
        model_prefix=str(tmp_path / "tiny"),
        vocab_size=320,
        hard_vocab_limit=False,
        byte_fallback=True,
        minloglevel=2,
    )
    tokenizer = transformers.BertGenerationTokenizer(str(tmp_path / "tiny.model"))
    assert not hasattr(tokenizer, "backend_tokenizer")
    for text in PROGRAMS:
        check_same(tokenizer, tokenizer.encode(text))
    chance = random.Random(3)
    for _ in range(200):
        check_same(tokenizer, [chance.randrange(300) for _ in range(chance.randrange(30))])
    assert decode(tokenizer, [5, 10**6]) == decode(tokenizer, [5, 10**6])


# --- tokenizers of published models --------------------------------------------------------------


def published(name: str) -> Any:
    data = os.environ.get("CODEFEEDBACK_DATA")
    folder = Path(data or "unset") / "tokenizers" / name
    if not folder.is_dir():
        pytest.skip("CODEFEEDBACK_DATA names no folder with tokenizers")
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    if name == "qwen":
        return transformers.AutoTokenizer.from_pretrained(folder)
    model = tokenizers.models.BPE.from_file(
        str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token="<unk>"
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


@pytest.mark.parametrize("name", ["codet5", "qwen"])
def test_published_tokenizers(name: str) -> None:
    tokenizer = published(name)
    check_random_ids(tokenizer, len(tokenizer) + 500)
    for text in PROGRAMS:
        ids = tokenizer.encode(text, add_special_tokens=False)
        check_same(tokenizer, ids)
        if name == "codet5":  # Qwen brings a text to NFC before it encodes it
            assert decode(tokenizer, ids).text == text


def test_literal_tokens_of_qwen() -> None:
    tokenizer = published("qwen")
    ids = tokenizer.encode("<tool_call>é</tool_call><|im_end|>")
    decoded = decode(tokenizer, ids)
    assert decoded.text == "<tool_call>é</tool_call>"
    assert decoded.offsets == ((0, 11), (11, 12), (12, 24), (24, 24))
