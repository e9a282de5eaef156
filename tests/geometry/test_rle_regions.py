"""Components, holes, centroid and perimeter of masks as runs: agreement with SciPy, and laws."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from strategies import counts_lists, masks

from dlgeom.errors import GeometryError
from dlgeom.geometry import _components, contours, rings, rle, rle_regions

Mask = NDArray[np.bool_]
few = settings(max_examples=min(settings.default.max_examples, 250))
connectivities = st.sampled_from([4, 8])
UNIT = [(0, 0), (0, 1), (1, 0), (1, 1)]
AROUND = np.ones((3, 3), dtype=bool)


def dense(counts: list[int], shape: tuple[int, int]) -> Mask:
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(shape[::-1]).T


def labelled(mask: Mask, connectivity: int) -> list[Mask]:
    """Return the components by SciPy: most pixels first, then by the first pixel in rows."""
    labels, count = ndimage.label(mask, AROUND if connectivity == 8 else None)
    found = [labels == number for number in range(1, count + 1)]
    return sorted(found, key=lambda part: (-part.sum(), int(part.argmax())))


@given(masks(), connectivities)
@example(np.array([[1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1]], dtype=bool), 8)
@example(np.array([[1, 1, 1], [1, 1, 1]], dtype=bool), 4)
def test_components_are_scipys(mask: Mask, connectivity: int) -> None:
    parts = rle_regions.components(rle.encode(mask), mask.shape, connectivity)
    expected = labelled(mask, connectivity)
    assert [part.tolist() for part in parts] == [rle.encode(one).tolist() for one in expected]
    assert rle_regions.count_components(rle.encode(mask), mask.shape, connectivity) == len(parts)


@few
@given(masks(), connectivities)
def test_components_partition_the_mask(mask: Mask, connectivity: int) -> None:
    parts = rle_regions.components(rle.encode(mask), mask.shape, connectivity)
    assert sum(rle.area(part) for part in parts) == mask.sum()
    assert np.array_equal(rle.union_many(parts, mask.size), rle.encode(mask))


@few
@given(masks(), connectivities, st.integers(1, 5))
def test_components_found_in_small_blocks_are_the_same(
    mask: Mask, connectivity: int, block: int
) -> None:
    whole = rle_regions.components(rle.encode(mask), mask.shape, connectivity)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_components, "BLOCK", block)
        parts = rle_regions.components(rle.encode(mask), mask.shape, connectivity)
    assert [part.tolist() for part in parts] == [part.tolist() for part in whole]


@few
@given(masks())
def test_components_have_the_bounds_that_contours_find(mask: Mask) -> None:
    counts = rle.encode(mask)
    parts = rle_regions.components(counts, mask.shape)
    found = [rle.bounds(part, mask.shape) for part in parts]
    assert found == [tuple(row) for row in contours.component_bounds(counts, mask.shape).tolist()]


def test_a_comb_a_spiral_and_a_checkerboard_are_joined_right() -> None:
    comb = np.zeros((64, 64), dtype=bool)
    comb[::2] = True
    comb[:, -1] = True
    spiral = np.zeros((33, 33), dtype=bool)
    row, column, length, way = 0, 0, 32, 0
    spiral[0, 0] = True
    while length > 0:
        for _ in range(length):
            row += (0, 1, 0, -1)[way]
            column += (1, 0, -1, 0)[way]
            spiral[row, column] = True
        way = (way + 1) % 4
        length -= 2 if way % 2 else 0
    board = np.indices((40, 40)).sum(axis=0) % 2 == 0
    for mask, four, eight in ((comb, 1, 1), (spiral, 1, 1), (board, 800, 1)):
        counts = rle.encode(mask)
        assert rle_regions.count_components(counts, mask.shape, 4) == four
        assert rle_regions.count_components(counts, mask.shape, 8) == eight


@given(masks(), connectivities)
@example(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool), 8)
@example(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool), 4)
def test_filled_holes_are_scipys(mask: Mask, connectivity: int) -> None:
    filled = rle_regions.fill_holes(rle.encode(mask), mask.shape, connectivity)
    gaps = None if connectivity == 8 else AROUND
    assert np.array_equal(filled, rle.encode(ndimage.binary_fill_holes(mask, gaps)))


@few
@given(masks(), connectivities)
def test_filling_holes_twice_changes_nothing(mask: Mask, connectivity: int) -> None:
    once = rle_regions.fill_holes(rle.encode(mask), mask.shape, connectivity)
    assert np.array_equal(rle_regions.fill_holes(once, mask.shape, connectivity), once)


@given(masks(allow_empty=False))
def test_centroid_is_the_mean_of_pixel_centres(mask: Mask) -> None:
    rows, columns = np.nonzero(mask)
    expected = (columns + 0.5).mean(), (rows + 0.5).mean()
    assert rle_regions.centroid(rle.encode(mask), mask.shape) == pytest.approx(expected, rel=1e-12)


def test_centroid_of_the_first_pixel_is_its_middle_and_of_nothing_nan() -> None:
    counts = rle.encode(np.array([[1, 0], [0, 0]]))
    assert rle_regions.centroid(counts, (2, 2)) == (0.5, 0.5)
    x, y = rle_regions.centroid(np.array([4], dtype=np.uint32), (2, 2))
    assert math.isnan(x)
    assert math.isnan(y)


@few
@given(masks())
def test_perimeter_counts_edges_and_is_the_length_of_the_outline(mask: Mask) -> None:
    counts = rle.encode(mask)
    around = np.pad(mask, 1)
    edges = (around[1:] != around[:-1]).sum() + (around[:, 1:] != around[:, :-1]).sum()
    assert rle_regions.perimeter(counts, mask.shape) == edges
    outline = contours.trace_runs(counts, mask.shape)
    length = sum(
        np.abs(ring - np.roll(ring, 1, axis=0)).sum()
        for first, last in zip(outline.rings[:-1], outline.rings[1:], strict=True)
        for ring in [outline.xy[first:last]]
    )
    assert length == edges
    assert float(rings.row_areas(outline)[0]) == mask.sum()


@few
@given(masks(allow_empty=False))
def test_corners_have_the_hull_of_all_pixels(mask: Mask) -> None:
    rows, columns = np.nonzero(mask)
    every = np.array([(c + x, r + y) for r, c in zip(rows, columns, strict=True) for x, y in UNIT])
    found = rle_regions.corners(rle.encode(mask), mask.shape)
    hulls = [shapely.MultiPoint(points).convex_hull for points in (found, every)]
    assert hulls[0].equals(hulls[1])


def test_an_empty_mask_has_no_corners() -> None:
    assert rle_regions.corners(np.array([6], dtype=np.uint32), (2, 3)).shape == (0, 2)


@few
@given(counts_lists(), connectivities)
def test_runs_of_length_zero_are_accepted(
    drawn: tuple[list[int], tuple[int, int]], connectivity: int
) -> None:
    values, shape = drawn
    counts, mask = np.array(values, dtype=np.uint32), dense(values, shape)
    canonical = rle.encode(mask)
    for call in (rle_regions.centroid, rle_regions.perimeter):
        assert np.array_equal(call(counts, shape), call(canonical, shape), equal_nan=True)
    parts = rle_regions.components(counts, shape, connectivity)
    again = rle_regions.components(canonical, shape, connectivity)
    assert [part.tolist() for part in parts] == [part.tolist() for part in again]
    filled = rle_regions.fill_holes(counts, shape, connectivity)
    assert np.array_equal(filled, rle_regions.fill_holes(canonical, shape, connectivity))


SIDE = 70_000


def test_components_of_masks_beyond_32_bits_are_whole() -> None:
    size, shape = SIDE * SIDE, (SIDE, SIDE)
    first, last = rle_regions.components(rle.from_list([0, 1, size - 2, 1]), shape)
    assert rle.to_list(first) == [0, 1, size - 1]
    assert rle.to_list(last) == [size - 1, 1]
    (full,) = rle_regions.components(rle.from_list([0, size]), shape, 4)
    assert rle.to_list(full) == [0, size]
    middle = SIDE * (SIDE // 2) + SIDE // 2
    holed = rle.from_list([0, middle, 1, size - middle - 1])
    assert rle.to_list(rle_regions.fill_holes(holed, shape)) == [0, size]
    assert rle_regions.perimeter(holed, shape) == 4 * SIDE + 4
    half = SIDE / 2
    assert rle_regions.centroid(rle.from_list([0, size]), shape) == (half, half)


def test_centroid_is_exact_where_sums_leave_64_bits() -> None:
    side = 1 << 40
    flips = np.array([0, 3, side - 2, side], dtype=np.int64)
    counts = rle.from_flips(flips, side)
    x, y = rle_regions.centroid(counts, (side, 1))
    assert (x, y) == (0.5, (1.5 * 3 + 2 * (side - 1)) / 5)
    assert rle_regions.centroid(rle.from_flips(flips, side), (1, side)) == (y, x)


@few
@given(st.lists(st.sampled_from([0, 1, 5, 1 << 32, (1 << 33) + 7]), min_size=1, max_size=9))
def test_components_down_one_column_are_its_runs(values: list[int]) -> None:
    total = sum(values)
    if not total:
        return
    counts = rle.normalise(rle.from_list(values))
    lengths = rle.to_list(counts)
    parts = rle_regions.components(counts, (total, 1))
    assert sorted(rle.area(part) for part in parts) == sorted(lengths[1::2])
    whole = reduce(rle.union, parts, rle.from_list([total]))
    assert np.array_equal(whole, counts)


@pytest.mark.parametrize("connectivity", [0, 6, None, "8"])
def test_another_connectivity_is_refused(connectivity: int) -> None:
    counts = np.array([4], dtype=np.uint32)
    for call in (
        rle_regions.components,
        rle_regions.count_components,
        rle_regions.fill_holes,
    ):
        with pytest.raises(GeometryError, match=r"it is 4 .* or 8"):
            call(counts, (2, 2), connectivity)
