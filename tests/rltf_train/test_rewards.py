"""What programs are worth, by reports that codefeedback really made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest

pytest.importorskip("tokenizers")

import tokenizers

import codefeedback as cf
from rltf_train.rewards import Reward, fine_weights, reward

DOUBLE = {
    "cases": [
        {"name": "one", "stdin": "1\n", "expected_stdout": "2\n"},
        {"name": "two", "stdin": "3\n", "expected_stdout": "6\n"},
    ]
}
HALF = 0.35  # -0.3 + 1.3 * 1 / 2

RIGHT = "print(int(input()) * 2)\n"
HALF_RIGHT = "n = int(input())\nif n > 2:\n    n = 1\nprint(n * 2)\n"
WRONG = "print('?')\n"
RAISES = "n = int(input())\nm = 0\nprint(n // m)\n"
RAISES_LATER = "n = int(input())\nif n > 2:\n    n = None\nprint(n * 2)\n"
NO_SYNTAX = "n = int(input()\nprint(n)\n"
ENDLESS_RECURSION = "def f():\n    return f()\nf()\n"
NOT_ITS_FAULT = "raise RuntimeError\n"


@pytest.fixture(scope="module")
def grader() -> Iterator[cf.Grader]:
    with cf.Grader(analysis="failing", blame="ochiai") as grader:
        yield grader


def graded(grader: cf.Grader, program: str | cf.Completion, problem: Any = DOUBLE) -> cf.Report:
    report = grader.grade(program, problem)
    assert isinstance(report, cf.Report)
    return report


# --- R_coarse and R_adaptive ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "verdict", "coarse", "adaptive", "replaced"),
    [
        (RIGHT, "AC", 1.0, 1.0, 1.0),
        (HALF_RIGHT, "WA", -0.3, HALF, HALF),
        (WRONG, "WA", -0.3, -0.3, -0.3),
        (RAISES, "RE", -0.6, -0.3, -0.6),
        # An error stays one, however many cases pass.
        (RAISES_LATER, "RE", -0.6, HALF, -0.6),
        (NO_SYNTAX, "CE", -1.0, -0.3, -1.0),
    ],
)
def test_rewards(
    grader: cf.Grader,
    program: str,
    verdict: str,
    coarse: float,
    adaptive: float,
    replaced: float,
) -> None:
    report = graded(grader, program)
    assert report.verdict.value == verdict
    for mode, expected in {"add": coarse, "replace": replaced}.items():
        found = reward(report, mode)
        assert isinstance(found, Reward)
        assert (found.coarse, found.adaptive) == pytest.approx((expected, adaptive))


@pytest.mark.parametrize("mode", ["add", "replace"])
def test_what_was_not_graded_has_no_reward(mode: str) -> None:
    assert reward(cf.Ungraded(reason="the sandbox broke"), mode) is None


# --- R_fine --------------------------------------------------------------------------------------

MERGES = [("i", "n"), ("p", "r"), ("pr", "in"), ("prin", "t"), ("Ġ", "=")]
#: Tokens that no text is encoded as, but that a model can sample.
SAMPLED = ("Ċp", "rint", "Ġint", "input", ")Ċ", "Ġ//", "Ġm")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A byte-level BPE."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokens = ["</s>", *alphabet, *("".join(pair) for pair in MERGES), *SAMPLED]
    made = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab={name: at for at, name in enumerate(tokens)}, merges=MERGES)
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(["</s>"])
    return made


def decoded(tokenizer: Any, tokens: Sequence[str]) -> cf.Decoded:
    """What ids say that were sampled one by one, and an end token."""
    ids = [tokenizer.token_to_id(token) for token in (*tokens, "</s>")]
    assert None not in ids
    said = cf.decode(tokenizer, ids)
    assert tokenizer.encode(said.text).ids != ids
    return said


def letters(text: str) -> cf.Decoded:
    """A token per character, and an end token."""
    places = [(at, at + 1) for at in range(len(text))]
    return cf.Decoded(text=text, offsets=(*places, (len(text), len(text))))


def weights(
    report: cf.Report,
    said: cf.Decoded,
    *,
    fine: float = -0.3,
    alpha: str | None = "length",
    origins: Mapping[str, float] = MappingProxyType({"flakes": 0.0, "cst": 0.0, "blame": 0.0}),
    locate: str = "span",
    prompt: str = "",
) -> list[float]:
    found = fine_weights(
        report, said, reward=fine, alpha=alpha, origins=origins, locate=locate, prompt=prompt
    )
    assert len(found) == len(said.offsets)
    return found


def only(text: str, places: Mapping[str, float], *, last: bool = False) -> list[float]:
    """The weights of `letters(text)`: a value for the characters of some pieces, else 0."""
    expected = [0.0] * (len(text) + 1)
    for piece, value in places.items():
        start = text.rindex(piece) if last else text.index(piece)
        expected[start : start + len(piece)] = [value] * len(piece)
    return expected


TOKENS = [
    *("n", "Ġ=", "Ġint", "(", "input", "(", ")", ")Ċ"),
    *("m", "Ġ", "=", "Ġ", "0", "Ċp"),  # the last one has a part of the line that is to blame
    *("rint", "(", "n", "Ġ//", "Ġm", ")", "Ċ"),
]


@pytest.mark.parametrize("locate", ["span", "substring"])
def test_the_blamed_line(grader: cf.Grader, tokenizer: Any, locate: str) -> None:
    said = decoded(tokenizer, TOKENS)
    assert said.text == RAISES
    report = graded(grader, said.text)
    # T = 21 tokens, without the end token. E - S = 7: from "\np" up to ")", not the line's end.
    found = weights(report, said, locate=locate)
    assert found == pytest.approx([0.0] * 13 + [-0.3 * 21 / 7] * 7 + [0.0, 0.0])
    # alpha None: R_fine as it is.
    found = weights(report, said, alpha=None, locate=locate)
    assert found == pytest.approx([0.0] * 13 + [-0.3] * 7 + [0.0, 0.0])
    found = weights(report, said, fine=-1.0, locate=locate)
    assert found == pytest.approx([0.0] * 13 + [-3.0] * 7 + [0.0, 0.0])


def test_a_character_of_two_tokens(grader: cf.Grader, tokenizer: Any) -> None:
    said = decoded(tokenizer, ["x", "Ġ=", "Ġ", "'", "Ã", "©", "'", "-", "1", "Ċ"])
    assert said.text == "x = 'é'-1\n"
    # T = 10, E - S = 9: both halves of the é.
    found = weights(graded(grader, said.text), said)
    assert found == pytest.approx([-0.3 * 10 / 9] * 9 + [0.0, 0.0])


def test_a_line_that_does_not_parse(grader: cf.Grader) -> None:
    line = "n = int(input()"
    expected = only(NO_SYNTAX, {line: -0.3 * len(NO_SYNTAX) / len(line)})
    assert weights(graded(grader, NO_SYNTAX), letters(NO_SYNTAX)) == pytest.approx(expected)


@pytest.mark.parametrize("locate", ["span", "substring"])
@pytest.mark.parametrize("alpha", ["length", None])
@pytest.mark.parametrize(
    ("program", "value"),
    [
        (ENDLESS_RECURSION, -0.3),  # all of it, and alpha is T / T
        (NOT_ITS_FAULT, 0.0),
        (HALF_RIGHT, 0.0),  # a wrong answer has no place of its own
        (RIGHT, 0.0),
    ],
)
def test_all_or_nothing(
    grader: cf.Grader, program: str, value: float, alpha: str | None, locate: str
) -> None:
    found = weights(graded(grader, program), letters(program), alpha=alpha, locate=locate)
    assert found == pytest.approx([value] * len(program) + [0.0])


def test_a_program_that_was_cut_off_is_blamed_as_a_whole(grader: cf.Grader) -> None:
    text = "n = int(input())\nprint(n *"
    cut = cf.Completion(text=text, policy="whole-text", truncated=True)
    assert weights(graded(grader, cut), letters(text)) == pytest.approx([-0.3] * len(text) + [0.0])


STATIC = "import os\ndef f(x=[]):\n    return x\nprint(1 // 0)\n"


@pytest.mark.parametrize("flakes", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("cst", [0.0, 0.5])
def test_static_analysis_is_weighed(grader: cf.Grader, flakes: float, cst: float) -> None:
    """The error itself weighs the same, whatever the others do."""
    report = graded(grader, STATIC)
    shares = {each.kind: each.weight for each in report.findings}
    assert shares == {"ZeroDivisionError": 1.0, "UnusedImport": 0.1, "MutableDefault": 0.2}
    length = len(STATIC)
    places = {
        "print(1 // 0)": -0.3 * length / 13,
        "import os": -0.3 * 0.1 * flakes * length / 9,
        "def f(x=[]):": -0.3 * 0.2 * cst * length / 12,
    }
    origins = {"flakes": flakes, "cst": cst, "blame": 0.0}
    found = weights(report, letters(STATIC), origins=origins)
    assert found == pytest.approx(only(STATIC, places))


@pytest.mark.parametrize("blame", [0.0, 1.0, 0.25])
def test_wrong_answers_are_weighed(grader: cf.Grader, blame: float) -> None:
    # Ochiai: failed / sqrt(all failed * (failed + passed)), 1 / sqrt(1 * 2) for what both cases run
    others = -0.3 * blame * 0.5**0.5
    length = len(HALF_RIGHT)
    places = {
        "n = int(input())": others * length / 16,
        "if n > 2:": others * length / 9,
        "    n = 1": -0.3 * blame * length / 9,
        "print(n * 2)": others * length / 12,
    }
    origins = {"flakes": 1.0, "cst": 1.0, "blame": blame}
    found = weights(graded(grader, HALF_RIGHT), letters(HALF_RIGHT), origins=origins)
    assert found == pytest.approx(only(HALF_RIGHT, places), abs=1e-6)


# --- where the line is ---------------------------------------------------------------------------


def test_a_repeated_line(grader: cf.Grader) -> None:
    """The text of the line is found at its first copy; the span is that of the line that failed."""
    line = "print(6 // n)"
    program = f"n = 2\n{line}\nn = 0\n{line}\n"
    report, said = graded(grader, program), letters(program)
    value = -0.3 * len(program) / len(line)
    assert weights(report, said) == pytest.approx(only(program, {line: value}, last=True))
    first = only(program, {line: value})
    assert weights(report, said, locate="substring") == pytest.approx(first)
    assert first != only(program, {line: value}, last=True)


def test_a_line_that_is_part_of_another(grader: cf.Grader) -> None:
    program = "y = 0\nif not y:\n    x = 'x = 1 // y'\n    x = 1 // y\n"
    report, said = graded(grader, program), letters(program)
    # A line has its indentation, its text has not.
    value = -0.3 * len(program) / len("    x = 1 // y")
    expected = only(program, {"    x = 1 // y": value}, last=True)
    assert weights(report, said) == pytest.approx(expected)
    value = -0.3 * len(program) / len("x = 1 // y")
    expected = only(program, {"x = 1 // y": value})
    assert weights(report, said, locate="substring") == pytest.approx(expected)


@pytest.mark.parametrize("locate", ["span", "substring"])
def test_a_program_in_a_fence(grader: cf.Grader, locate: str) -> None:
    """T are the program's tokens, not all of the answer's."""
    text = f"It fails, since print(n // m) does:\n```python\n{RAISES}```\nSorry.\n"
    report = graded(grader, cf.Completion(text=text, policy="last-fence"))
    value = -0.3 * len(RAISES) / len("print(n // m)")
    found = weights(report, letters(text), locate=locate)
    assert found == pytest.approx(only(text, {"print(n // m)": value}, last=True))


QUOTIENT = {
    "task_id": "t/0",
    "prompt": "def f(x, y):\n    '''Quotient: return x // y'''\n",
    "entry_point": "f",
    "test": "def check(candidate):\n    assert candidate(4, 0) == 0\n",
    "canonical_solution": "    return x // y if y else 0\n",
}


def test_a_completion_that_goes_on_from_a_prompt(grader: cf.Grader) -> None:
    problem = cf.load_problem(QUOTIENT)
    text = "    y = y + 0\n    return x // y\n"
    completion = cf.Completion(text=text, policy="prompt+completion")
    report, said = graded(grader, completion, problem), letters(text)
    # T are the tokens of the completion: the prompt was not sampled.
    line = "    return x // y"
    expected = only(text, {line: -0.3 * len(text) / len(line)})
    assert weights(report, said, prompt=problem.prompt) == pytest.approx(expected)
    # The first copy of its text stands in the prompt, of which no token was sampled.
    found = weights(report, said, prompt=problem.prompt, locate="substring")
    assert found == [0.0] * (len(text) + 1)


def test_the_text_of_a_line_behind_a_prompt(grader: cf.Grader) -> None:
    problem = cf.load_problem(QUOTIENT)
    text = "    z = x % y\n    return z\n"
    completion = cf.Completion(text=text, policy="prompt+completion")
    report = graded(grader, completion, problem)
    expected = only(text, {"z = x % y": -0.3 * len(text) / len("z = x % y")})
    found = weights(report, letters(text), prompt=problem.prompt, locate="substring")
    assert found == pytest.approx(expected)
