from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codefeedback import Position, Source

#: Text with everything that line and column arithmetic can stumble over.
TEXT = st.text(
    st.one_of(
        st.sampled_from("\n\r\t\f\v \u2028\x85\x1c\ufeffaé€𝄞\u0301"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


@given(TEXT)
def test_lines_tile_the_text(text: str) -> None:
    source = Source(text)
    universal = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = [source.line_text(line) for line in range(1, len(universal) + 1)]
    assert lines == universal
    with pytest.raises(IndexError):
        source.line_text(len(universal) + 1)


@given(TEXT, st.data())
def test_position_and_offset_are_inverse(text: str, data: st.DataObject) -> None:
    source = Source(text)
    offset = data.draw(st.integers(0, len(text)))
    position = source.position(offset)
    start = source.line_span(position.line).start
    assert start + position.column == offset


@given(TEXT, st.data())
def test_spans_cut_what_they_say(text: str, data: st.DataObject) -> None:
    source = Source(text)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    span = source.span(start, end)
    assert (span.start, span.end) == (start, end)
    assert source.position(start) == Position(line=span.start_line, column=span.start_column)
    assert source.position(end) == Position(line=span.end_line, column=span.end_column)


@given(TEXT, st.data())
def test_utf8_columns(text: str, data: st.DataObject) -> None:
    source = Source(text)
    line = data.draw(st.integers(1, source.line_count))
    content = source.line_text(line)
    if line == 1:
        content = content.removeprefix("\ufeff")
    column = data.draw(st.integers(0, len(content)))
    in_bytes = len(content[:column].encode())
    assert source.offset_of_utf8(line, in_bytes) == source.offset_of_column(line, column)
    assert source.offset_of_utf8(line, 10**6) == source.line_span(line).end


@given(TEXT)
def test_bytes_and_text_agree(text: str) -> None:
    assert Source(text.encode()).text == Source(text).text == text


@given(st.binary(max_size=80))
def test_any_bytes_are_a_source(data: bytes) -> None:
    source = Source(data)
    assert source.data == data
    assert source.whole_span().end == len(source.text)
    source.text.encode()  # no lone surrogates


@pytest.mark.parametrize(
    ("program", "column"),
    [("s = 'äöü'; name", 11), ("\ufeffs = 'ä'; name", 9), ("x = 1; '𝄞'; name", 12)],
)
def test_columns_of_the_compiler(program: str, column: int) -> None:
    node = ast.parse(program.encode()).body[-1]
    source = Source(program)
    start = source.offset_of_utf8(node.lineno, node.col_offset)
    assert source.text[start:] == "name"
    assert source.offset_of_column(1, column) == start


def test_encodings() -> None:
    assert Source("# coding: latin-1\ns = 'ä'".encode("latin-1")).text.endswith("'ä'")
    assert Source(b"\xff\xfex").text == "\ufffd\ufffdx"
    assert Source(b"# coding: no-such-codec\nx").text == "# coding: no-such-codec\nx"
    assert Source("\ud800").data == b"\xed\xa0\x80"
    assert Source("# coding: latin-1\n").ignore_cookie
    assert not Source("# coding: utf-8\n").ignore_cookie


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b"])
def test_names_are_plain_file_names(name: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        Source("", name)
