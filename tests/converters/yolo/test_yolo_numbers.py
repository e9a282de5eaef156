"""Decimals in bulk: the text is that of '%.*f', and vertices stay in their fifth of a pixel."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlgeom.converters.yolo.numbers import (
    class_widths,
    digits,
    enough_decimals,
    fifth_cells,
    fifth_digits,
    format_rows,
    read_back,
)

fractions = st.floats(-2.0, 2.0)
pixels = st.one_of(
    st.floats(0.0, 1.0), st.integers(0, 400_000).map(lambda n: n / 400_000), st.just(0.5)
)


def percent(value: float, decimals: int) -> int:
    return int(f"{value:.{decimals}f}".replace(".", ""))


@given(st.lists(st.floats(-1e4, 1e4)), st.integers(0, 11))
@example([0.0000005, 1.0000015, 2.5e-7, -0.0000005, 0.0078125, 0.5], 6)
@example([9007.199254740993, 4503.599627370497], 11)
def test_digits_are_those_of_percent_f(values: list[float], decimals: int) -> None:
    found = digits(np.array(values, dtype=np.float64), decimals)
    assert found.tolist() == [percent(value, decimals) for value in values]


@given(st.lists(st.integers(0, 10**7), min_size=1), st.integers(1, 9))
def test_digits_of_halves_and_their_neighbours_are_those_of_percent_f(
    steps: list[int], decimals: int
) -> None:
    for value in ((step + 0.5) / 10**decimals for step in steps):
        near = [math.nextafter(value, 0), value, math.nextafter(value, math.inf)]
        found = digits(np.array(near), decimals)
        assert found.tolist() == [percent(number, decimals) for number in near]


def test_digits_of_all_coordinates_of_an_image_are_those_of_percent_f() -> None:
    for size in (640, 427, 1333, 4000, 3):
        values = np.arange(size * 100 + 1) / 100 / size
        text = " ".join(["%.6f"] * len(values)) % tuple(values.tolist())
        assert digits(values, 6).tolist() == [int(n) for n in text.replace(".", "").split()]


@given(st.lists(pixels, min_size=1), st.integers(1, 199_999))
def test_six_decimals_keep_each_number_in_its_fifth_of_a_pixel(
    parts: list[float], size: int
) -> None:
    x = np.array(parts) * size
    numbers, failed = fifth_digits(x, np.full(len(x), float(size)), 6)
    assert not len(failed)
    back = [float(f"{number / 10**6:.6f}") * size for number in numbers.tolist()]
    assert [int(5 * b + 0.5) for b in back] == [int(5 * a + 0.5) for a in x.tolist()]
    assert np.array_equal(back, read_back(numbers, np.full(len(x), float(size)), 6))
    assert np.abs(numbers - digits(x / size, 6)).max() <= 1


@given(st.lists(pixels, min_size=1), st.integers(200_000, 10_000_000))
def test_large_images_get_the_decimals_that_keep_fifths_apart(
    parts: list[float], size: int
) -> None:
    x = np.array(parts) * size
    decimals = enough_decimals(size)
    assert 5 * size * 10.0**-decimals < 1
    assert decimals > 6
    numbers, failed = fifth_digits(x, np.full(len(x), float(size)), decimals)
    assert not len(failed)
    back = read_back(numbers, np.full(len(x), float(size)), decimals)
    assert np.array_equal(fifth_cells(back), fifth_cells(x))


def test_numbers_that_too_few_decimals_cannot_keep_are_named() -> None:
    x = np.array([0.0, 123.4, 500.0, 333.31])
    numbers, failed = fifth_digits(x, np.full(4, 1000.0), 1)
    assert failed.tolist() == [1, 3]
    assert numbers[[0, 2]].tolist() == [0, 5]


@pytest.mark.parametrize("value", [-3.0, -0.3, -0.25, -0.2, -0.1, 0.0, 0.1, 0.3, 7.29999])
def test_cells_are_cut_towards_zero_as_c_does(value: float) -> None:
    assert fifth_cells(np.array([value]))[0] == int(5 * value + 0.5)


rows = st.lists(
    st.tuples(st.integers(0, 10**12) | st.integers(0, 120), st.lists(st.integers(-(10**9), 10**9)))
)


def plain(number: int, decimals: int) -> str:
    sign, number = ("-" if number < 0 else ""), abs(number)
    whole, rest = divmod(number, 10**decimals)
    return f"{sign}{whole}" + (f".{rest:0{decimals}d}" if decimals else "")


@given(rows, st.integers(0, 11))
def test_rows_are_formatted_as_python_does(table: list, decimals: int) -> None:
    numbers = np.array([n for _, row in table for n in row], dtype=np.int64)
    offsets = np.cumsum([0] + [len(row) for _, row in table])
    classes = np.array([c for c, _ in table], dtype=np.int64)
    text, ends = format_rows(classes, numbers, offsets, decimals)
    wanted = [" ".join([str(c), *(plain(n, decimals) for n in row)]) + "\n" for c, row in table]
    assert [text[a:b].decode() for a, b in itertools.pairwise(ends)] == wanted


@given(st.lists(st.tuples(st.integers(0, 300), st.lists(st.integers(0, 10**7 - 1)))))
def test_rows_of_fractions_are_formatted_as_python_does(table: list) -> None:
    numbers = np.array([n for _, row in table for n in row], dtype=np.int64)
    offsets = np.cumsum([0] + [len(row) for _, row in table])
    text, _ = format_rows(np.array([c for c, _ in table], dtype=int), numbers, offsets, 6)
    wanted = "".join(f"{c}" + "".join(f" {n / 10**6:.6f}" for n in row) + "\n" for c, row in table)
    assert text.decode() == wanted


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1),
    st.sampled_from([3, 6, 8]),
)
def test_places_leave_zeros_out(table: list[tuple[int, int]], decimals: int) -> None:
    places = np.array([min(shown, decimals) for _, shown in table], dtype=np.int8)
    numbers = np.array([n for n, _ in table], dtype=np.int64) * 10**decimals
    text, _ = format_rows(
        np.array([4]), numbers, np.array([0, len(table)]), decimals, places=places
    )
    wanted = ["4", *(f"{n:.{p}f}" for (n, _), p in zip(table, places.tolist(), strict=True))]
    assert text.decode() == " ".join(wanted) + "\n"


def test_windows_longer_than_a_block_are_formatted_alike() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 40, 20_000)
    lengths[5] = 200_000
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    numbers = rng.integers(0, 10**6 + 1, int(offsets[-1]))
    classes = rng.integers(0, 1200, len(lengths))
    text, ends = format_rows(classes, numbers, offsets, 6)
    wanted = [
        " ".join([str(c), *(f"{n / 10**6:.6f}" for n in numbers[a:b].tolist())])
        for c, a, b in zip(classes.tolist(), offsets[:-1], offsets[1:], strict=True)
    ]
    assert text.decode().splitlines() == wanted
    assert ends[-1] == len(text)
    assert class_widths(np.array([0, 9, 10, 99, 100, 10**11])).tolist() == [1, 1, 2, 2, 3, 12]
