"""Excerpts: carets stand under what a terminal shows of the span, whatever the program holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from codefeedback.formats.excerpt import Mark, clip, excerpt, visible
from codefeedback.spans import Source

STEERING = "\x00\x07\x08\x1b\x7f\x85\x9b\u200e\u202e\u2028\u2066\ufeff\ud800"
TEXTS = st.text(
    st.sampled_from("ab =(\t\f\r\n日本é́\u200d👩🚀" + STEERING) | st.characters(), max_size=300
)


def lines_of(
    program: str | bytes, *needles: str, width: int = 100, whole: bool = True, label: str = ""
) -> list[str]:
    source = Source(program)
    marks = []
    for needle in needles:
        start = source.text.index(needle)
        marks.append(Mark(source.span(start, start + len(needle)), label))
    return [line.plain for line in excerpt(source, marks, width=width, whole=whole)]


def test_a_span_in_the_middle_of_a_line() -> None:
    assert lines_of("a = 1\nb = a / 0\n", "a / 0") == [
        "  1 | a = 1",
        "> 2 | b = a / 0",
        "    |     ^^^^^",
    ]


def test_tabs_reach_to_tab_stops() -> None:
    assert lines_of("if 1:\n\tx\t= 1\t/ 0\n", "1\t/ 0") == [
        "  1 | if 1:",
        "> 2 |     x   = 1 / 0",
        "    |           ^^^^^",
    ]


def test_wide_characters_take_two_cells() -> None:
    assert lines_of("日本 = '語' + 1\n", "'語' + 1")[1] == "    |        ^^^^^^^^"


def test_zero_width_characters_take_none() -> None:
    assert lines_of("e\u0301 = 1/0\n", "1/0")[1] == "    |     ^^^"


def test_an_emoji_of_several_characters_is_one_sign() -> None:
    assert lines_of("x = '👩\u200d🚀' + 1/0\n", "1/0")[1] == "    |            ^^^"


def test_line_ends_are_not_shown() -> None:
    assert lines_of(b"a\r\nb\rc\n", "b") == ["  1 | a", "> 2 | b", "    | ^", "  3 | c"]


def test_form_feeds_and_separators_do_not_end_lines() -> None:
    assert lines_of("a\x0cb = '\u2028'\nc\n", "c") == [
        "  1 | a␌b = '<U+2028>'",
        "> 2 | c",
        "    | ^",
    ]


def test_an_empty_program() -> None:
    assert lines_of("", "") == ["> 1 |", "    | ^"]


def test_a_span_behind_the_last_line_end() -> None:
    source = Source("foo(\n")
    marks = [Mark(source.span(5, 5), "EOF")]
    shown = [line.plain for line in excerpt(source, marks, width=80, whole=True)]
    assert shown == ["  1 | foo(", "> 2 |", "    | ^ EOF"]


def test_a_whole_line_is_marked_from_its_code_on() -> None:
    assert lines_of("if 1:\n    x()  \n", "    x()")[2] == "    |     ^^^"


def test_several_lines_are_marked_at_both_ends() -> None:
    program = "x = f(\n    1,\n    2,\n)\ny\n"
    assert lines_of(program, "f(\n    1,\n    2,\n)", label="here") == [
        "> 1 | x = f(",
        "    |     ^^",
        "> 2 |     1,",
        "> 3 |     2,",
        "> 4 | )",
        "    | ^ here",
        "  5 | y",
    ]


def test_a_span_that_ends_with_a_line_end_does_not_touch_the_next_line() -> None:
    assert lines_of("a\nb\nc\n", "b\n") == ["  1 | a", "> 2 | b", "    | ^", "  3 | c"]


def test_excerpts_of_a_long_program_have_two_lines_of_context() -> None:
    program = "".join(f"line{number}\n" for number in range(1, 101))
    assert lines_of(program, "line10\n", "line50", whole=False) == [
        "    8 | line8",
        "    9 | line9",
        ">  10 | line10",
        "      | ^^^^^^",
        "   11 | line11",
        "   12 | line12",
        "      …",
        "   48 | line48",
        "   49 | line49",
        ">  50 | line50",
        "      | ^^^^^^",
        "   51 | line51",
        "   52 | line52",
    ]


def test_a_long_span_is_cut_in_the_middle() -> None:
    program = "".join(f"line{number}\n" for number in range(1, 101))
    shown = lines_of(program, program[:-1], whole=False)
    assert [line[:12].rstrip() for line in shown] == [
        ">   1 | line",
        "      | ^^^^",
        ">   2 | line",
        ">   3 | line",
        "      …",
        ">  98 | line",
        ">  99 | line",
        "> 100 | line",
        "      | ^^^^",
    ]


@pytest.mark.parametrize(("before", "after"), [(0, 300), (300, 0), (300, 300), (40, 60), (90, 2)])
def test_long_lines_are_cut_around_the_span(before: int, after: int) -> None:
    program = "x" * before + "1/0" + "y" * after
    row, carets = lines_of(program, "1/0", width=80)
    assert cell_len(row) <= 80
    assert row[carets.index("^") : carets.rindex("^") + 1] == "1/0"
    assert ("…" in row) == (before + after > 72)


def test_a_line_of_ten_megabytes() -> None:
    row, carets = lines_of("(" * 10_000_000 + "1/0", "1/0", width=80)
    assert row.endswith("(1/0") and carets.endswith("^^^")


def test_a_label_at_the_right_edge_stands_before_its_carets() -> None:
    _, carets = lines_of("x" * 70 + "1/0", "1/0", width=80, label="ZeroDivisionError")
    assert carets.endswith(" ZeroDivisionError ^^^") and len(carets) <= 80


@given(TEXTS, st.data())
def test_carets_stand_under_their_span(text: str, data: st.DataObject) -> None:
    source = Source(text)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    width = data.draw(st.integers(40, 120))
    lines = [
        line.plain
        for line in excerpt(source, [Mark(source.span(start, end))], width=width, whole=False)
    ]
    assert any("^" in line.partition("|")[2] for line in lines)
    for line in lines:
        assert cell_len(line) <= width
        assert not set(line) & set(STEERING)
        assert "\n" not in line and "\t" not in line


@given(TEXTS)
def test_visible_leaves_nothing_that_steers(text: str) -> None:
    shown = visible(text)
    assert not set(shown) & set(STEERING)
    shown.encode()  # no lone surrogates


def test_visible_leaves_ordinary_text_alone() -> None:
    text = "naïve 日本 👩\u200d🚀 [bold]x[/bold]"
    assert visible(text) == text
    assert visible("\x1b[31m\r\n") == "␛[31m␍␊"


@given(TEXTS, st.integers(1, 50))
def test_clip_fits(text: str, room: int) -> None:
    assert cell_len(clip(text, room)) <= room


def test_clip_says_that_it_cut() -> None:
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"
    assert clip("日本語", 4) == "日…"
