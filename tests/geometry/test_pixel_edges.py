"""Outlines along pixel edges: filled from their edges, as pycocotools fills them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco
from strategies import image_shapes, masks

from dlgeom.errors import GeometryError
from dlgeom.geometry import _pixel_edges, raster, rle
from dlgeom.geometry.contours import trace
from dlgeom.geometry.ragged import Rings

# pycocotools 2.0.11 warns about its own arrays under numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Floats = NDArray[np.float64]
Shape = tuple[int, int]


@st.composite
def staircases(draw: st.DrawFn) -> Floats:
    """Draw a ring of level and upright edges that may cross itself and leave the image."""
    place = st.tuples(st.integers(-6, 20), st.integers(-6, 20))
    corners = draw(st.lists(place, min_size=2, max_size=6))
    ring = [
        [x, y]
        for (a, y), (b, _) in zip(corners, [*corners[1:], corners[0]], strict=True)
        for x in (a, b)
    ]
    turn = draw(st.integers(0, 3))
    return np.roll(np.array(ring, dtype=np.float64), turn, axis=0)


PARTS = st.lists(st.lists(staircases(), min_size=1, max_size=3), min_size=1, max_size=4)


def slow_fill(parts: list[list[Floats]], shape: Shape) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    for part in parts:
        inside = np.zeros(shape, dtype=bool)
        for ring in part:
            run = coco.frPyObjects([ring.ravel().tolist()], *shape)
            inside ^= coco.decode(run)[:, :, 0].astype(bool)
        mask |= inside
    return mask


@given(PARTS, image_shapes(), st.sampled_from([1, 7, 1 << 20]))
def test_edges_alone_give_the_mask_of_pycocotools(
    parts: list[list[Floats]], shape: Shape, block: int
) -> None:
    outline = Rings.of([parts])
    assert _pixel_edges.fits(outline.xy, outline.rings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pixel_edges, "BLOCK", block)
        counts = _pixel_edges.fill(outline.xy, outline.rings, outline.parts, shape)
    assert np.array_equal(counts, rle.encode(slow_fill(parts, shape)))


@given(masks(), st.sampled_from([1, 7, 1 << 20]))
def test_edges_of_a_mask_give_it_back(mask: NDArray[np.bool_], block: int) -> None:
    outline = trace(mask)
    if mask.any():
        assert _pixel_edges.fits(outline.xy, outline.rings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_pixel_edges, "BLOCK", block)
            counts = _pixel_edges.fill(outline.xy, outline.rings, outline.parts, mask.shape)
        assert np.array_equal(counts, rle.encode(mask))


SQUARE = [[1.0, 1.0], [4.0, 1.0], [4.0, 3.0], [1.0, 3.0]]


@pytest.mark.parametrize(
    "rings",
    [
        [],
        [[[1.0, 1.0], [4.0, 1.0]]],
        [SQUARE, []],
        [[*SQUARE[:3], [1.0, 3.5]]],
        [[*SQUARE[:3], [2.0, 4.0]]],
        [[*SQUARE[:3], [1.0, np.nan]]],
        [[[np.inf, 1.0], *SQUARE[1:]]],
        [SQUARE, [[0.0, 0.0], [1e8, 0.0], [1e8, 5.0], [0.0, 5.0]]],
        [[[9e6, 0.0], [-9e6, 0.0]] * 8],
    ],
)
def test_other_rings_do_not_fit(rings: list[list[list[float]]]) -> None:
    outline = Rings.of([[[np.array(ring).reshape(-1, 2) for ring in rings]]])
    assert not _pixel_edges.fits(outline.xy, outline.rings)


def comb(height: int, width: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), dtype=bool)
    mask[0] = mask[:, ::2] = True
    return mask


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(comb(600, 3_000), id="outline-of-1.8-million-pixels"),
        pytest.param(comb(3_000, 600).T, id="turned"),
        pytest.param(comb(2, 120_001), id="ring-of-240,000-vertices"),
    ],
)
def test_outlines_beyond_the_limits_of_native_code_fill_back(mask: NDArray[np.bool_]) -> None:
    outline = trace(mask)
    assert raster.faults(outline.xy, outline.rings).any()
    counts = rle.encode(mask)
    assert np.array_equal(raster.parts_to_runs(outline.row(0), mask.shape), counts)
    assert np.array_equal(raster.ring_to_runs(outline.ring(0), mask.shape), counts)
    mixed = [*outline.row(0), [np.array(SQUARE) + 0.5]]
    assert np.array_equal(
        raster.parts_to_runs(mixed, mask.shape),
        rle.union(counts, raster.ring_to_runs(mixed[-1][0], mask.shape)),
    )
    rows = Rings.concat([outline, Rings.empty(1), Rings.of([[[np.array(SQUARE) + 0.5]]])])
    shapes = np.array([mask.shape, (0, 0), (9, 9)])
    runs = raster.rows_to_runs(rows, shapes)
    assert np.array_equal(runs.row(0), counts)
    assert runs.present.tolist() == [True, False, True]
    assert rle.area(runs.row(2)) == 6


def test_a_box_larger_than_the_limit_of_outlines_is_filled() -> None:
    side = 1 << 20
    ring = np.array([[0, 0], [side, 0], [side, side], [0, side]], dtype=np.float64)
    assert rle.area(raster.ring_to_runs(ring, (side, side))) == side * side
    with pytest.raises(GeometryError, match="outside_image"):
        raster.ring_to_runs(ring + 0.5, (side, side))
    with pytest.raises(GeometryError, match=r"ring 1 .*outside_image"):
        raster.rows_to_runs(
            Rings.of([[[ring]], [[ring + 0.5]]]), np.full((2, 2), side, dtype=np.int64)
        )


@given(st.lists(masks(max_side=9, allow_empty=False), min_size=1, max_size=3))
@example([np.ones((1, 1), dtype=bool)])
def test_many_rings_are_filled_as_few(many: list[NDArray[np.bool_]]) -> None:
    parts = [part for mask in many for part in trace(mask).row(0)]
    counts = raster.parts_to_runs(parts, (9, 9))
    assert np.array_equal(counts, rle.encode(slow_fill(parts, (9, 9))))
