"""Masks to rings along pixel edges."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from shapely import MultiPolygon, Polygon
from skimage.measure import label as skimage_label
from strategies import masks

from dlgeom.errors import GeometryError
from dlgeom.geometry import contours, rle
from dlgeom.geometry.contours import (
    center_outline,
    component_bounds,
    components,
    trace,
    trace_components,
    trace_components_runs,
    trace_in_batches,
    trace_runs,
)
from dlgeom.geometry.ragged import Rings
from dlgeom.geometry.raster import parts_to_runs

# pycocotools 2.0.11 warns about its own arrays under numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Mask = NDArray[np.bool_]

# The identity is the promise of the module: in CI ten times the usual number of examples.
MANY = settings(
    max_examples=settings.default.max_examples * (10 if settings.default.max_examples > 100 else 1),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def counts_of(mask: Mask) -> NDArray[np.uint32]:
    """Run lengths by definition, independent of the package."""
    flat = np.concatenate([[False], mask.ravel(order="F")])
    change = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate([[0], change, [mask.size]])).astype(np.uint32)


def fill(parts: list[list[NDArray[np.float64]]], shape: tuple[int, int]) -> Mask:
    """OR over parts of (exterior XOR holes), each ring filled by pycocotools."""
    out = np.zeros(shape, dtype=bool)
    for part in parts:
        inside = np.zeros(shape, dtype=bool)
        for ring in part:
            run = coco_mask.frPyObjects([ring.ravel().tolist()], *shape)
            inside ^= coco_mask.decode(run)[:, :, 0].astype(bool)
        out |= inside
    return out


def picture(text: str) -> Mask:
    return np.array([[sign == "#" for sign in line] for line in text.split()])


PINCHED = picture("####. #..## #.#.# ##..# .####")
ISLANDS = picture("####### #.....# #.###.# #.#.#.# #.###.# #.....# #######")
NEIGHBOURS = picture("#.#.# .#.#. #.#.# ..... ###..")
HOLES_THAT_TOUCH = picture("##### #.### ##.## ###.# #####")


@MANY
@given(masks())
@example(PINCHED)
@example(ISLANDS)
@example(NEIGHBOURS)
@example(HOLES_THAT_TOUCH)
def test_filling_the_outline_gives_the_mask_back(mask: Mask) -> None:
    parts = trace(mask).row(0)
    assert np.array_equal(parts_to_runs(parts, mask.shape), counts_of(mask))


@given(masks())
@example(PINCHED)
@example(ISLANDS)
@example(HOLES_THAT_TOUCH)
def test_pycocotools_fills_the_outline_to_the_mask(mask: Mask) -> None:
    assert np.array_equal(fill(trace(mask).row(0), mask.shape), mask)


@given(masks())
@example(PINCHED)
@example(ISLANDS)
@example(NEIGHBOURS)
@example(HOLES_THAT_TOUCH)
def test_every_part_is_a_valid_polygon_of_the_area_of_its_pixels(mask: Mask) -> None:
    polygons = [Polygon(part[0], part[1:]) for part in trace(mask).row(0)]
    assert all(polygon.is_valid for polygon in polygons)
    assert MultiPolygon(polygons).is_valid
    assert sum(polygon.area for polygon in polygons) == mask.sum()


@given(masks())
@example(PINCHED)
@example(HOLES_THAT_TOUCH)
def test_rings_are_simple_and_turn_at_every_vertex(mask: Mask) -> None:
    outline = trace(mask)
    for index in range(len(outline.rings) - 1):
        ring = outline.ring(index)
        assert len(np.unique(ring, axis=0)) == len(ring)
        step = np.roll(ring, -1, axis=0) - ring
        assert ((step != 0).sum(axis=1) == 1).all()
        horizontal = step[:, 0] != 0
        assert (horizontal != np.roll(horizontal, 1)).all()


@given(masks())
@example(ISLANDS)
def test_exteriors_run_clockwise_on_screen_and_holes_the_other_way(mask: Mask) -> None:
    outline = trace(mask)
    for index, hole in enumerate(outline.is_hole.tolist()):
        x, y = outline.ring(index).T
        area = (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2
        assert (area < 0) == hole


@given(masks())
@example(NEIGHBOURS)
def test_parts_are_the_4_connected_pieces_in_raster_order(mask: Mask) -> None:
    parts = trace(mask).row(0)
    assert len(parts) == skimage_label(mask, connectivity=1).max()
    firsts = [(part[0][0, 1], part[0][0, 0]) for part in parts]
    assert firsts == sorted(firsts)


@given(masks())
@example(ISLANDS)
@example(PINCHED)
def test_runs_and_memory_orders_give_the_same_outline(mask: Mask) -> None:
    outline = trace(mask)
    assert trace_runs(counts_of(mask), mask.shape) == outline
    assert trace(np.asfortranarray(mask)) == outline
    assert trace(mask.astype(np.uint16) * 300) == outline
    assert trace(np.repeat(mask, 2, axis=1)[:, ::2]) == outline


@given(masks())
def test_zero_runs_inside_change_nothing(mask: Mask) -> None:
    counts = counts_of(mask)
    split = np.concatenate([[count // 2, 0, count - count // 2] for count in counts])
    assert trace_runs(split.astype(np.uint32), mask.shape) == trace_runs(counts, mask.shape)


@given(masks())
def test_crop_offsets_move_the_outline(mask: Mask) -> None:
    plain, moved = trace(mask), trace(mask, left=7, top=-2)
    assert np.array_equal(moved.xy, plain.xy + np.array([7, -2]))
    assert np.array_equal(moved.parts, plain.parts)


def test_small_outlines_are_known() -> None:
    pixel = trace(np.array([[True]]))
    assert pixel.row(0)[0][0].tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    ring = trace(picture("### #.# ###")).row(0)
    assert [len(part) for part in ring] == [2]
    assert ring[0][1].tolist() == [[2, 1], [1, 1], [1, 2], [2, 2]]
    pinched = trace(PINCHED).row(0)
    assert [len(part) for part in pinched] == [2, 1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (3, 4)])
def test_masks_without_pixels_have_no_outline(shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, dtype=bool)
    assert trace(mask) == Rings.empty(1)
    assert trace_runs(counts_of(mask), shape) == Rings.empty(1)
    assert components(mask) == []
    assert trace_components(mask) == Rings.empty(0)
    assert trace_components_runs(counts_of(mask), shape) == Rings.empty(0)
    assert component_bounds(counts_of(mask), shape).shape == (0, 4)
    assert center_outline(mask) == []


def test_a_huge_filled_mask_costs_nothing() -> None:
    counts = np.array([0, 2**31, 0, 2**31], dtype=np.uint32)
    outline = trace_runs(counts, (2**16, 2**16))
    assert outline.xy.tolist() == [[0, 0], [2**16, 0], [2**16, 2**16], [0, 2**16]]
    wide = np.array([2**31, 2**31], dtype=np.uint32)
    assert trace_runs(wide, (2, 2**31)).xy[:, 0].tolist() == [2**30, 2**31, 2**31, 2**30]
    assert component_bounds(wide, (2, 2**31)).tolist() == [[2**30, 0, 2**31, 2]]


def test_wrong_shapes_and_sums_are_refused() -> None:
    cube = np.zeros((2, 2, 2), dtype=bool)
    for function in (trace, trace_components, components, center_outline):
        with pytest.raises(GeometryError, match=r"expected \(height, width\)"):
            function(cube)
    short = np.array([3, 2], dtype=np.uint32)
    for function in (trace_runs, trace_components_runs, component_bounds):
        with pytest.raises(GeometryError, match="add up to 5"):
            function(short, (3, 3))


@given(masks())
@example(NEIGHBOURS)
@example(PINCHED)
def test_components_are_the_8_connected_ones_largest_first(mask: Mask) -> None:
    labels = skimage_label(mask, connectivity=2)
    found = components(mask)
    assert len(found) == labels.max()
    again = np.zeros(mask.shape, dtype=bool)
    sizes = []
    for crop, left, top in found:
        area = again[top : top + crop.shape[0], left : left + crop.shape[1]]
        assert not (area & crop).any()
        area |= crop
        rows, columns = np.nonzero(crop)
        assert len(set(labels[rows + top, columns + left].tolist())) == 1
        assert crop.any(axis=0)[[0, -1]].all()
        assert crop.any(axis=1)[[0, -1]].all()
        sizes.append((-int(crop.sum()), top, left + int(crop[0].argmax())))
    assert np.array_equal(again, mask)
    assert sizes == sorted(sizes)


@given(masks())
@example(NEIGHBOURS)
@example(PINCHED)
@example(ISLANDS)
def test_component_bounds_are_those_of_the_components_in_their_order(mask: Mask) -> None:
    expected = [
        [left, top, left + crop.shape[1], top + crop.shape[0]]
        for crop, left, top in components(mask)
    ]
    assert component_bounds(counts_of(mask), mask.shape).tolist() == expected


@given(masks())
@example(NEIGHBOURS)
@example(PINCHED)
@example(ISLANDS)
@example(HOLES_THAT_TOUCH)
def test_outlines_of_components_are_those_of_each_alone(mask: Mask) -> None:
    outlines = trace_components(mask)
    assert trace_components_runs(counts_of(mask), mask.shape) == outlines
    expected = [trace(*component) for component in components(mask)]
    assert outlines == Rings.concat(expected)


def test_components_far_apart_cost_nothing() -> None:
    side = 1 << 20
    # Three pixels: one in the first corner, two that touch at the last.
    flips = [0, 1, side * side - side - 2, side * side - side - 1, side * side - 1, side * side]
    counts = rle.from_flips(np.array(flips), side * side)
    outlines = trace_components_runs(counts, (side, side))
    assert outlines.part_counts.tolist() == [2, 1]
    assert outlines.ring(2).tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]


@given(masks())
def test_center_outline_is_that_of_opencv(mask: Mask) -> None:
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    rings = center_outline(mask)
    assert len(rings) == len(found)
    for ring, expected in zip(rings, found, strict=True):
        assert ring.dtype == np.float64
        assert np.array_equal(ring, expected[:, 0])


@given(masks(), st.integers(1, 6), st.integers(0, 5))
def test_outlines_made_in_batches_are_those_made_at_once(
    mask: NDArray[np.bool_], batch: int, min_area: int
) -> None:
    counts = rle.encode(mask)
    whole = trace_components_runs(counts, mask.shape)
    large = np.flatnonzero(np.array([c[0].sum() for c in components(mask)]) >= min_area)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contours, "BATCH", batch)
        assert trace_components_runs(counts, mask.shape) == whole
        batches = list(trace_in_batches(counts, mask.shape, min_area=min_area))
        assert Rings.concat(batches) == whole.take(large)
