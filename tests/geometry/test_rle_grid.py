"""Masks as runs on another grid: agreement with numpy on dense masks, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import counts_lists, masks

from dlgeom.errors import GeometryError, LimitError
from dlgeom.geometry import rle, rle_grid

Mask = NDArray[np.bool_]
few = settings(max_examples=min(settings.default.max_examples, 250))
Window = tuple[int, int, int, int]


def dense(counts: list[int], shape: tuple[int, int]) -> Mask:
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(shape[::-1]).T


def seen(mask: Mask, box: Window) -> Mask:
    left, top, right, bottom = box
    margin = 64
    return np.pad(mask, margin)[margin + top : margin + bottom, margin + left : margin + right]


def nearest(mask: Mask, shape: tuple[int, int]) -> Mask:
    rows, columns = (
        [((2 * i + 1) * old) // (2 * new) for i in range(new)]
        for old, new in zip(mask.shape, shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


@st.composite
def boxes(draw: st.DrawFn) -> Window:
    """Draw windows, many of them across or beyond the borders of a mask of up to 24 x 24."""
    left, top = draw(st.integers(-8, 26)), draw(st.integers(-8, 26))
    return left, top, left + draw(st.integers(1, 34)), top + draw(st.integers(1, 34))


@given(masks(), boxes())
def test_window_shows_what_slicing_a_padded_mask_shows(mask: Mask, box: Window) -> None:
    assert np.array_equal(
        rle_grid.window(rle.encode(mask), mask.shape, *box), rle.encode(seen(mask, box))
    )


@given(masks(), st.booleans(), st.booleans())
def test_flip_is_numpys(mask: Mask, horizontal: bool, vertical: bool) -> None:
    flipped = mask[:: -1 if vertical else 1, :: -1 if horizontal else 1]
    runs = rle_grid.flip(rle.encode(mask), mask.shape, horizontal=horizontal, vertical=vertical)
    assert np.array_equal(runs, rle.encode(flipped))


@few
@given(masks(), st.booleans(), st.booleans())
def test_flip_twice_is_the_identity(mask: Mask, horizontal: bool, vertical: bool) -> None:
    runs = rle.encode(mask)
    for _ in range(2):
        runs = rle_grid.flip(runs, mask.shape, horizontal=horizontal, vertical=vertical)
    assert np.array_equal(runs, rle.encode(mask))


@pytest.mark.parametrize("busy", [0, 1 << 30], ids=["runs", "pixels"])
@given(mask=masks(), k=st.integers(-5, 5))
def test_quarter_turns_and_transpose_are_numpys(busy: int, mask: Mask, k: int) -> None:
    runs = rle.encode(mask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rle_grid, "BUSY", busy)
        assert np.array_equal(rle_grid.rot90(runs, mask.shape, k), rle.encode(np.rot90(mask, k)))
        assert np.array_equal(rle_grid.transpose(runs, mask.shape), rle.encode(mask.T))


@few
@given(masks(), st.sampled_from([1, -1]))
def test_four_quarter_turns_are_the_identity(mask: Mask, k: int) -> None:
    runs, shape = rle.encode(mask), mask.shape
    for _ in range(4):
        runs, shape = rle_grid.rot90(runs, shape, k), shape[::-1]
    assert np.array_equal(runs, rle.encode(mask))


@given(masks(), st.integers(1, 60), st.integers(1, 60))
def test_resize_takes_the_pixel_under_each_centre(mask: Mask, height: int, width: int) -> None:
    runs = rle_grid.resize(rle.encode(mask), mask.shape, (height, width))
    assert np.array_equal(runs, rle.encode(nearest(mask, (height, width))))


@given(masks(12), st.integers(1, 6), st.integers(1, 6))
def test_resize_up_by_whole_factors_and_down_is_the_identity(mask: Mask, fy: int, fx: int) -> None:
    larger = (mask.shape[0] * fy, mask.shape[1] * fx)
    runs = rle_grid.resize(rle.encode(mask), mask.shape, larger)
    assert np.array_equal(runs, rle.encode(np.kron(mask, np.ones((fy, fx), dtype=bool))))
    assert np.array_equal(rle_grid.resize(runs, larger, mask.shape), rle.encode(mask))


@few
@given(masks(), boxes())
def test_what_a_window_shows_can_be_put_back(mask: Mask, box: Window) -> None:
    runs, (height, width) = rle.encode(mask), mask.shape
    left, top, right, bottom = box
    crop = rle_grid.window(runs, mask.shape, *box)
    back = rle_grid.window(
        crop, (bottom - top, right - left), -left, -top, width - left, height - top
    )
    inside = np.zeros_like(mask)
    inside[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
    assert np.array_equal(back, rle.encode(mask & inside))


@few
@given(counts_lists(), boxes(), st.integers(0, 3), st.integers(1, 40), st.integers(1, 40))
def test_runs_of_length_zero_are_accepted(
    drawn: tuple[list[int], tuple[int, int]], box: Window, k: int, height: int, width: int
) -> None:
    values, shape = drawn
    counts, mask = np.array(values, dtype=np.uint32), dense(values, shape)
    for runs, expected in (
        (rle_grid.window(counts, shape, *box), seen(mask, box)),
        (rle_grid.flip(counts, shape), mask),
        (rle_grid.flip(counts, shape, horizontal=True), mask[:, ::-1]),
        (rle_grid.flip(counts, shape, vertical=True), mask[::-1]),
        (rle_grid.transpose(counts, shape), mask.T),
        (rle_grid.rot90(counts, shape, k), np.rot90(mask, k)),
        (rle_grid.resize(counts, shape, (height, width)), nearest(mask, (height, width))),
        (rle_grid.resize(counts, shape, shape), mask),
    ):
        assert np.array_equal(runs, rle.encode(expected))


@few
@given(counts_lists(12), st.integers(1, 4), boxes(), st.integers(1, 30), st.integers(1, 30))
def test_made_of_small_blocks_it_is_the_same(
    drawn: tuple[list[int], tuple[int, int]], block: int, box: Window, height: int, width: int
) -> None:
    values, shape = drawn
    counts = np.array(values, dtype=np.uint32)

    def results() -> list[list[int]]:
        made = (
            rle_grid.window(counts, shape, *box),
            rle_grid.flip(counts, shape, horizontal=True),
            rle_grid.flip(counts, shape, vertical=True),
            rle_grid.resize(counts, shape, (height, width)),
            rle_grid.transpose(counts, shape),
            rle_grid.rot90(counts, shape, 1),
            rle_grid.rot90(counts, shape, 3),
        )
        return [runs.tolist() for runs in made]

    whole = results()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rle_grid, "BLOCK", block)
        patch.setattr(rle_grid, "BUSY", 0)
        assert results() == whole


SIDE = 70_000
SIZE = SIDE * SIDE  # 4.9e9: beyond what one count holds


@pytest.mark.parametrize(
    "values",
    [[SIZE], [0, SIZE], [0, 1, SIZE - 2, 1], [SIZE - 1, 1], [1, SIZE - 1], [SIDE, SIZE - SIDE]],
    ids=["empty", "full", "opposite corners", "last pixel", "all but one", "all but a column"],
)
def test_masks_of_many_pixels_turn_back_to_themselves(values: list[int]) -> None:
    shape = (SIDE, SIDE)
    counts = rle.from_list(values)
    canonical = rle.normalise(counts)
    for k in (1, 2, 3):
        turned = rle_grid.rot90(counts, shape, k)
        assert rle.area(turned) == rle.area(counts)
        assert np.array_equal(rle_grid.rot90(turned, shape, -k), canonical)
    twice = rle_grid.resize(counts, shape, (2 * SIDE, 2 * SIDE))
    assert rle.area(twice) == 4 * rle.area(counts)
    assert np.array_equal(rle_grid.resize(twice, (2 * SIDE, 2 * SIDE), shape), canonical)
    flipped = rle_grid.flip(rle_grid.flip(counts, shape, vertical=True), shape, horizontal=True)
    assert np.array_equal(flipped, rle_grid.rot90(counts, shape, 2))
    padded = rle_grid.window(counts, shape, -3, -5, SIDE + 1, SIDE + 2)
    cut = rle_grid.window(padded, (SIDE + 7, SIDE + 4), 3, 5, SIDE + 3, SIDE + 5)
    assert np.array_equal(cut, canonical)


@example(side=1 << 40, to_side=3, rows=[0, 1, 1 << 39])
@given(
    side=st.integers(1, 1 << 40),
    to_side=st.integers(1, 200),
    rows=st.lists(st.integers(0, (1 << 40) - 1), max_size=6),
)
def test_resize_is_exact_for_sides_of_any_length(side: int, to_side: int, rows: list[int]) -> None:
    set_rows = sorted({row % side for row in rows})
    flips = np.array([edge for row in set_rows for edge in (row, row + 1)], dtype=np.int64)
    runs = rle_grid.resize(rle.from_flips(flips, side), (side, 1), (to_side, 1))
    expected = [((2 * i + 1) * side) // (2 * to_side) in set_rows for i in range(to_side)]
    assert rle.decode(runs, (to_side, 1))[:, 0].tolist() == expected


@pytest.mark.parametrize("box", [(3, 0, 3, 5), (0, 4, 2, 2)], ids=["no columns", "turned over"])
def test_a_window_without_pixels_is_refused(box: Window) -> None:
    with pytest.raises(GeometryError, match="window has left"):
        rle_grid.window(np.array([20], dtype=np.uint32), (4, 5), *box)


@pytest.mark.parametrize("to_shape", [(0, 3), (3, -1), (2.5, 3), (True, 2)])
def test_a_new_shape_without_whole_sides_is_refused(to_shape: tuple[int, int]) -> None:
    with pytest.raises(GeometryError, match="height and width are integers > 0"):
        rle_grid.resize(np.array([20], dtype=np.uint32), (4, 5), to_shape)


def test_counts_that_do_not_fill_the_shape_are_refused() -> None:
    counts = np.array([19], dtype=np.uint32)
    for call in (
        lambda: rle_grid.window(counts, (4, 5), 0, 0, 1, 1),
        lambda: rle_grid.flip(counts, (4, 5), vertical=True),
        lambda: rle_grid.transpose(counts, (4, 5)),
        lambda: rle_grid.rot90(counts, (4, 5)),
        lambda: rle_grid.resize(counts, (4, 5), (2, 2)),
    ):
        with pytest.raises(GeometryError, match="add up to 19"):
            call()


def test_a_result_of_too_many_runs_is_refused_before_it_is_made() -> None:
    stripes = np.full(2 << 10, 1 << 20, dtype=np.uint32)  # columns of 2**20 rows, every other set
    with pytest.raises(LimitError, match="runs of the mask on its new grid"):
        rle_grid.transpose(stripes, (1 << 20, 2 << 10))
