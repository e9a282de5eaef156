"""Rows of label files: numbers as Python reads them, lines counted, faults named."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlgeom.converters.yolo.rows import Rows, parse_rows

NUMBERS = st.one_of(
    st.floats(0, 1).map(lambda x: f"{x:.6f}"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from([".5", "1.", "+1", "-0", "01", "1e5", "1E-3", "5e-324", "0", "1"]),
)
CLASSES = st.integers(0, 200).map(str)
BLANKS = st.sampled_from([" ", "  ", "\t", " \t "])
ENDS = st.sampled_from(["\n", "\r\n", "\n\n", " \n"])
PLAIN_ROWS = st.lists(
    st.tuples(CLASSES, st.lists(NUMBERS, max_size=10)).map(lambda r: [r[0], *r[1]]), max_size=5
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A label file with any blanks and line ends."""
    text = draw(st.sampled_from(["", "\ufeff", "\n", " "]))
    for row in draw(PLAIN_ROWS):
        text += draw(BLANKS).join(row) + draw(ENDS)
    return text.rstrip("\n") if draw(st.booleans()) else text


def expected(text: str) -> list[tuple[int, int, list[float]]]:
    """Line, class and numbers of each row, by the plainest of means."""
    rows = []
    for number, line in enumerate(re.split("\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        if line.split():
            head, *rest = line.split()
            rows.append((number, int(head), [float(token) for token in rest]))
    return rows


def listed(rows: Rows, file: int) -> list[tuple[int, int, list[float]]]:
    return [
        (
            int(rows.line[k]),
            int(rows.cls[k]),
            rows.values[rows.offsets[k] : rows.offsets[k + 1]].tolist(),
        )
        for k in np.flatnonzero(rows.file == file)
    ]


@given(st.lists(files(), max_size=5))
@example(["", "0 1\n", "", "1 2"])
@example(["\n\n0 1"])
@example(["5"])
def test_rows_are_read_as_python_reads_the_tokens(texts: list[str]) -> None:
    rows = parse_rows([text.encode() for text in texts])
    assert rows.faults == []
    for file, text in enumerate(texts):
        assert listed(rows, file) == expected(text)
    assert len(rows) == sum(len(expected(text)) for text in texts)


@given(st.lists(files(), max_size=5))
def test_the_text_of_a_row_is_kept_token_by_token(texts: list[str]) -> None:
    rows = parse_rows([text.encode() for text in texts])
    kept = [rows.buffer[a:b].decode().split() for a, b in rows.spans.tolist()]
    assert kept == [
        line.split()
        for text in texts
        for line in re.split("\r\n|\r|\n", text.removeprefix("\ufeff"))
        if line.split()
    ]


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes_are_rows_or_faults(texts: list[bytes]) -> None:
    rows = parse_rows(texts)
    assert np.isfinite(rows.values).all()
    assert (np.diff(rows.file) >= 0).all()
    assert all(0 <= fault.file < len(texts) for fault in rows.faults)
    assert len(rows.cls) == len(rows.line) == len(rows.spans) == len(rows.offsets) - 1


@given(st.lists(files(), min_size=1, max_size=4), st.integers(0, 3))
def test_a_bad_file_does_not_change_its_neighbours(texts: list[str], place: int) -> None:
    data = [text.encode() for text in texts]
    place = min(place, len(data))
    rows = parse_rows([*data[:place], b"\x89PNG\r\n\x1a\n", *data[place:]])
    for file, text in enumerate(texts):
        assert listed(rows, file + (file >= place)) == expected(text)
    assert [(fault.file, fault.whole) for fault in rows.faults] == [(place, True)]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("x 0.5 0.5 0.2 0.2", "type.id"),
        ("1_0 0.5 0.5 0.2 0.2", "type.id"),
        ("1.5 0.5 0.5 0.2 0.2", "type.id"),
        ("1e0 0.5 0.5 0.2 0.2", "type.id"),
        ("٣ 0.5 0.5 0.2 0.2", "type.id"),
        ("0 0.5 0.5 inf 0.2", "number.not_finite"),
        ("0 0.5 0.5 -NaN 0.2", "number.not_finite"),
        ("0 0.5 0.5 1e999 0.2", "number.not_finite"),
        ("0 0x1p-1 0.5 0.2 0.2", "type.number"),
        ("0 0,5 0.5 0.2 0.2", "type.number"),
        ("0 1_0 0.5 0.2 0.2", "type.number"),
        ("0 ٣ 0.5 0.2 0.2", "type.number"),
        ("0 0.5 0.5 0.2 0.2 cat", "type.number"),
        ("0 - 0.5 0.2 0.2", "type.number"),
    ],
)
def test_a_bad_row_is_left_out_with_its_line(row: str, code: str) -> None:
    text = f"0 0.1 0.1 0.1 0.1\n\n{row}\n1 0.2 0.2 0.2 0.2\n"
    rows = parse_rows([b"", text.encode()])
    assert [(f.file, f.line, f.code, f.kept) for f in rows.faults] == [(1, 3, code, False)]
    assert rows.line.tolist() == [1, 4]


def test_a_whole_float_as_class_is_taken_and_told() -> None:
    rows = parse_rows([b"1.0 0.5 0.5 0.2 0.2\n"])
    assert rows.cls.tolist() == [1]
    assert [(f.code, f.kept) for f in rows.faults] == [("type.id", True)]


def test_a_class_of_any_length_is_a_number() -> None:
    rows = parse_rows([b"-1 0 0 0 0\n1" + b"0" * 30 + b" 0 0 0 0\n12345678901 0 0 0 0\n"])
    assert rows.cls[0] == -1
    assert rows.cls[1] > 1 << 60
    assert rows.cls[2] == 12345678901


def test_utf16_is_read_and_told() -> None:
    rows = parse_rows(["0 0.5 0.5 0.25 0.25\n".encode("utf-16")])
    assert rows.values.tolist() == [0.5, 0.5, 0.25, 0.25]
    assert [(f.code, f.kept, f.whole) for f in rows.faults] == [("encoding.not_utf8", True, True)]


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbf" * 50_000, b"\r" * 100_000 + b"\n", b" \n" * 50_000]
)
def test_long_runs_of_marks_and_line_ends_do_not_pile_up(data: bytes) -> None:
    rows = parse_rows([data, b"0 1 2 3 4"])
    assert listed(rows, 1) == [(1, 0, [1.0, 2.0, 3.0, 4.0])]


def test_a_row_of_millions_of_fields_is_refused_before_it_is_split() -> None:
    rows = parse_rows([b"0" + b" .5" * 2_100_000 + b"\n1 0.5\n"])
    assert [f.code for f in rows.faults] == ["limit.points"]
    assert rows.line.tolist() == [2]


def test_taking_rows_keeps_their_numbers() -> None:
    rows = parse_rows([b"0 1 2\n1 3\n2 4 5 6\n"]).take(np.array([2, 0]))
    assert rows.cls.tolist() == [2, 0]
    assert rows.values.tolist() == [4.0, 5.0, 6.0, 1.0, 2.0]
    assert rows.counts.tolist() == [3, 2]
