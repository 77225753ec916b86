"""Programs are found in completions, and offsets can be sent both ways.

Each folder of tests/data/completions holds completion.txt (its line ends are part of the case) and
expected.json: the policy, what is found, the program, and optionally the prompt and the reason.
CODEFEEDBACK_EXAMPLES sets how many random texts each property is tried on.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from codefeedback.errors import UsageError
from codefeedback.extraction import (
    POLICIES,
    Completion,
    Extraction,
    Piece,
    completion_text,
    extract,
)

COMPLETIONS = Path(__file__).parent / "data" / "completions"
FOLDERS = sorted(COMPLETIONS.iterdir())
EXAMPLES = settings(max_examples=int(os.environ.get("CODEFEEDBACK_EXAMPLES", "200")), deadline=None)


def read(path: Path) -> str:
    # Lone surrogates are no UTF-8, and line ends shall stay as they are.
    return path.read_bytes().decode("utf-8", "surrogatepass")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_completion(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    text = read(folder / "completion.txt")
    prompt = expected.get("prompt", "")
    program, extraction = extract(text, expected["policy"], prompt=prompt)
    assert (extraction.found, program) == (expected["found"], expected["program"])
    assert extraction.reason == expected.get("reason", extraction.reason)
    assert extraction.policy == expected["policy"].replace("_", "-")
    check(text, program, extraction, len(prompt))


def test_there_are_enough_completions() -> None:
    assert len(FOLDERS) >= 60


# --- maps ------------------------------------------------------------------------------------


def check(text: str, program: str, extraction: Extraction, prompt: int = 0) -> None:
    """What must hold of every extraction."""
    assert (extraction.program_length, extraction.completion_length) == (len(program), len(text))
    here, there = prompt, 0
    for piece in extraction.pieces:
        # Pieces tile the program, so that every character of it has a place.
        assert piece.program_start == here and piece.length > 0
        assert piece.completion_start >= there
        here, there = here + piece.length, piece.completion_start + piece.length
    assert here == len(program)
    parts = extraction.to_completion(prompt, len(program))
    assert "".join(text[start:end] for start, end in parts) == program[prompt:]
    if extraction.found == "nothing":
        assert program == ""
    loaded = json.loads(json.dumps(extraction.to_dict()))
    assert Extraction.from_dict(loaded) == extraction


TOKENS = (
    *(
        "\n",
        "\n",
        "\n",
        "\r",
        "\r\n",
        "\t",
        " ",
        "    ",
        "\x0c",
        "\u2028",
        "\x85",
        "\x1c",
        "\ufeff",
    ),
    *(
        "```",
        "```",
        "````",
        "~~~",
        "`",
        "```python",
        "```py\n",
        "```bash",
        "```markdown\n",
        "~~~py",
    ),
    *("\n```\n", "\n```python\n", "> ", ">", "1. ", "- ", "   ", "x = 1", "'", '"', "\\", "é", "𝄞"),
    *("<think>", "</think>", "\n</think>\n", "<Thinking>", "</thinking>", "</s>", "<|im_end|>"),
    *(
        "<|im_start|>assistant\n",
        "<|im_start|>user\n",
        "<|begin_of_thought|>",
        "[/INST]",
        "<answer>",
    ),
    *(
        "<|end_of_thought|>",
        "<start_of_turn>model",
        "</answer>",
        "<｜Assistant｜>",
        "<|",
        "|>",
        "\ud800",
    ),
)
TEXT = st.lists(
    st.one_of(st.sampled_from(TOKENS), st.text(st.characters(), max_size=3)), max_size=40
).map("".join)


@EXAMPLES
@given(TEXT, st.sampled_from(POLICIES), st.text(max_size=5), st.data())
def test_spans_go_both_ways(text: str, policy: str, prompt: str, data: st.DataObject) -> None:
    program, extraction = extract(text, policy, prompt=prompt)
    known = len(prompt) if policy == "prompt+completion" else 0
    check(text, program, extraction, known)
    start = data.draw(st.integers(known, len(program)))
    end = data.draw(st.integers(start, len(program)))
    parts = extraction.to_completion(start, end)
    if start == end:
        assert all(low == high for low, high in parts) and len(parts) <= 1
        assert bool(parts) == bool(extraction.pieces)
    else:
        assert "".join(text[low:high] for low, high in parts) == program[start:end]
        back = [extraction.to_program(low, high) for low, high in parts]
        assert all(len(part) == 1 for part in back)
        assert "".join(program[low:high] for ((low, high),) in back) == program[start:end]
        assert (back[0][0][0], back[-1][0][1]) == (start, end)
    if prompt and known:
        assert extraction.to_completion(0, known - 1) == ()


@EXAMPLES
@given(TEXT, st.sampled_from(POLICIES), st.data())
def test_characters_map_one_by_one(text: str, policy: str, data: st.DataObject) -> None:
    """`to_program` of any part of the completion agrees with a table of single characters."""
    program, extraction = extract(text, policy)
    table = {
        piece.completion_start + step: piece.program_start + step
        for piece in extraction.pieces
        for step in range(piece.length)
    }
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    parts = extraction.to_program(start, end)
    if start < end:
        mapped = [at for low, high in parts for at in range(low, high)]
        assert mapped == [table[at] for at in range(start, end) if at in table]
        assert all(one[1] < two[0] for one, two in pairwise(parts))
    else:
        assert bool(parts) == (start in table or start - 1 in table)
    assert all(text[there] == program[here] for there, here in table.items())


@EXAMPLES
@given(TEXT)
def test_a_new_turn_ends_everything_but_a_fence(text: str) -> None:
    text = text.replace("`", "").replace("~", "")
    turn = "\n<|im_end|>\n<|im_start|>assistant\n"
    program, _ = extract(f"{text}{turn}```python\nprint(1)\n```\n<|im_end|>{text[:0]}")
    assert program == "print(1)\n"


@EXAMPLES
@given(st.text(st.sampled_from("ab =1\n\t(é𝄞)'\"#:"), min_size=1))
def test_text_without_fences_is_the_program(text: str) -> None:
    program, extraction = extract(text)
    assert program == (text if text.strip() else "")
    assert extraction.found == ("whole-text" if text.strip() else "nothing")


@EXAMPLES
@given(TEXT, st.text(st.sampled_from("ab =1\n\t(é𝄞)'\"#:"), min_size=1).filter(str.strip))
def test_a_finished_thought_is_never_searched(thought: str, code: str) -> None:
    for tag in ("think", "/think", "thinking", "im_start", "Assistant", "INST", "start_of_turn"):
        thought = thought.replace(tag, "")
    program, _ = extract(f"<think>\n{thought}\n</think>\n```python\n{code}\n```\n", "first-fence")
    assert program == code + "\n"


LINES = (
    *("```python", "```", "~~~", "```py", "````", "````python", "x", "    y", "", "  ```", "> x"),
    *(
        " ```python",
        "```bash",
        "~~~py",
        "   ~~~",
        "``` python",
        "> ```python",
        "> ```",
        ">  z",
        ">",
    ),
)


@EXAMPLES
@given(st.lists(st.sampled_from(LINES), max_size=9))
def test_proper_fences_are_those_of_commonmark(lines: list[str]) -> None:
    """An independent parser agrees, where our liberties change nothing (no opener in a block)."""
    text = "".join(line + "\n" for line in lines)
    fences = [token for token in MarkdownIt("commonmark").parse(text) if token.type == "fence"]
    assume(not any(re.search(r"(?m)^[ >]*(```+|~~~+) *\S", fence.content) for fence in fences))
    full = [fence for fence in fences if fence.content.strip()]
    python = [fence.content for fence in full if fence.info.strip() in ("python", "py")]
    usable = python or [fence.content for fence in full if not fence.info]
    program, extraction = extract(text)
    if usable:
        # The parser leaves out the last line end of a block that is not closed.
        assert program.rstrip("\n") == usable[-1].rstrip("\n")
        assert program == usable[-1] or extraction.found == "unfinished-fence"


def test_maps_of_several_pieces() -> None:
    text = "  ```py\n  ab\n  cd\n  ```"
    program, extraction = extract(text)
    assert program == "ab\ncd\n"
    assert extraction.pieces == (
        Piece(program_start=0, completion_start=10, length=3),
        Piece(program_start=3, completion_start=15, length=3),
    )
    assert extraction.to_completion(1, 5) == ((11, 13), (15, 17))
    assert extraction.to_completion(3, 3) == ((15, 15),)
    assert extraction.to_completion(6, 6) == ((18, 18),)
    assert extraction.to_program(0, len(text)) == ((0, 6),)
    assert extraction.to_program(13, 13) == ((3, 3),)
    assert extraction.to_program(14, 14) == extraction.to_program(0, 9) == ()


def test_the_prompt_stands_nowhere() -> None:
    program, extraction = extract("cd", "prompt+completion", prompt="ab")
    assert program == "abcd"
    assert extraction.to_completion(0, 2) == extraction.to_completion(1, 1) == ()
    assert extraction.to_completion(2, 2) == ((0, 0),)
    assert extraction.to_completion(0, 4) == ((0, 2),)
    assert extraction.to_program(0, 2) == ((2, 4),)


# --- hostile texts ---------------------------------------------------------------------------

SIZE = 1_000_000
SOUP = "<think>```python\n</think>`` ~~~~\n<|im_end|>[/INST]> ```\n"


MENTIONS = "'</s>'\n" * (SIZE // 7)


def nested(count: int) -> str:
    """Fences that nothing closes, each shorter than the one before and with a suspect."""
    runs = ["`" * length for length in range(count + 3, 3, -1)]
    return "".join(f"{run}py\nx{run}\n" for run in runs)


HOSTILE = {
    "backticks": "`" * SIZE,
    "backtick pairs": "``` " * (SIZE // 4),
    "fences": "```\n" * (SIZE // 4),
    "openers": "```python\n" * (SIZE // 10),
    "openers with code": "```python\nx\n" * (SIZE // 12),
    "sloppy openers": "x ```python\n" * (SIZE // 12),
    "sloppy closers": "```python\nx```\n" * (SIZE // 14),
    "never closed": nested(700) + MENTIONS,
    "reopened at the end": nested(700) + MENTIONS + "`" * 800 + "py\n",
    "blanks behind fences": ("```" + " " * 1000) * (SIZE // 1003),
    "one long blank": "```" + " " * SIZE + "x",
    "blank lines": "```\n" + "\n" * SIZE + "x",
    "thoughts": "<think>" * (SIZE // 7),
    "ends of thoughts": "</think>\n" * (SIZE // 9),
    "pairs": "<think></think>" * (SIZE // 15),
    "in fences": "```py\n" + "</think>\n" * (SIZE // 9),
    "markers": "<|im_end|>" * (SIZE // 10),
    "turns": "<|im_start|>assistant\n" * (SIZE // 22),
    "less-than": "<" * SIZE,
    "bars": "<|" * (SIZE // 2),
    "half markers": ("<|" + "a" * 29) * (SIZE // 31),
    "quotes": "> " * (SIZE // 2) + "```py\n",
    "quoted fences": "> ```py\n> x\n> ```\n" * (SIZE // 18),
    "quotes with one fence": "> ```py\n" + "> > x\n" * (SIZE // 6),
    "indentation": "   ```py\n" + "   x\n" * (SIZE // 5),
    "carriage returns": "\r" * SIZE + "```",
    "braces": "```{" + " " * SIZE + "x\n",
    "file names": "```" + "a.p" * (SIZE // 3) + "\n",
    "soup": SOUP * (SIZE // len(SOUP)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_little_time(name: str) -> None:
    """A quadratic rule would take minutes; the bound leaves room for a slow machine."""
    text = HOSTILE[name]
    begin = time.process_time()
    program, extraction = extract(text)
    assert time.process_time() - begin < 10
    parts = extraction.to_completion(0, len(program))
    assert "".join(text[start:end] for start, end in parts) == program


# --- input and errors ------------------------------------------------------------------------


def test_the_last_assistant_message_counts() -> None:
    parts = [
        {"type": "text", "text": "b"},
        {"type": "image", "text": 1},
        {"type": "text", "text": "c"},
    ]
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": parts},
        {"role": "user", "content": "d"},
    ]
    assert completion_text(messages) == completion_text(Completion(text=messages)) == "bc"
    assert extract(messages, "whole-text")[0] == "bc"
    assert completion_text("text") == "text"


@pytest.mark.parametrize(
    ("completion", "message"),
    [
        ([], 'messages: none of them has the role "assistant"'),
        ([{"role": "user", "content": "x"}], 'messages: none of them has the role "assistant"'),
        (["x"], r"messages\[0\]: expected an object, got str"),
        ([{"role": "assistant"}], r"messages\[0\]\.content: .*got NoneType"),
        ([{}, {}, {"role": "assistant", "content": 1}], r"messages\[2\]\.content: .*got int"),
        ([{"role": "assistant", "content": ["x"]}], r"messages\[0\]\.content\[0\]: .*got str"),
        (
            [{"role": "assistant", "content": [{"type": "text", "text": None}]}],
            r"messages\[0\]\.content\[0\]\.text: .*got NoneType",
        ),
        (b"x", "completion: .*got bytes"),
        (None, "completion: .*got NoneType"),
    ],
)
def test_malformed_completions(completion: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        extract(completion)


@pytest.mark.parametrize("policy", ["", "fence", "Last-Fence", 3, None])
def test_unknown_policies(policy: Any) -> None:
    with pytest.raises(UsageError) as caught:
        extract("x", policy)
    assert repr(policy) in str(caught.value)
    assert all(name in str(caught.value) for name in POLICIES)


def test_spans_must_be_in_the_text() -> None:
    _, extraction = extract("abc", "whole-text")
    with pytest.raises(ValueError, match="cannot end"):
        extraction.to_completion(2, 1)
    for start, end in ((-1, 1), (0, 4)):
        with pytest.raises(IndexError, match="of 3 characters"):
            extraction.to_completion(start, end)
        with pytest.raises(IndexError, match="of 3 characters"):
            extraction.to_program(start, end)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": "best-fence"}, "policy"),
        ({"found": "gold"}, "found"),
        ({"program_length": 1}, "pieces"),
        ({"completion_length": -1}, "completion_length"),
        ({"completion_length": True}, "completion_length"),
        ({"program_length": "3"}, "program_length"),
        ({"pieces": [{"program_start": 0, "completion_start": 0, "length": 0}]}, r"pieces\[0\]"),
        (
            {"pieces": [{"program_start": 0, "completion_start": 0, "length": 1}] * 2},
            r"pieces\[1\]",
        ),
        (
            {"pieces": [{"program_start": 0, "completion_start": -1, "length": 1}]},
            "completion_start",
        ),
    ],
)
def test_malformed_dicts(changes: dict[str, Any], message: str) -> None:
    _, extraction = extract("abc", "whole-text")
    with pytest.raises(ValueError, match=message):
        Extraction.from_dict({**extraction.to_dict(), **changes})
    assert replace(extraction) == Extraction.from_dict(extraction.to_dict())
