"""Rings to pixels: pycocotools bit for bit, parts and holes, and refusal before native code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco
from strategies import image_shapes, polygons, rings

from dlgeom.errors import GeometryError
from dlgeom.geometry import raster, rle
from dlgeom.geometry.ragged import Rings, offsets_of
from dlgeom.limits import DEFAULT_LIMITS

Floats = NDArray[np.float64]
Shape = tuple[int, int]

SQUARE = np.array([[2.0, 2.0], [6.0, 2.0], [6.0, 6.0], [2.0, 6.0]])


def native(ring: Floats, shape: Shape) -> str:
    """Fill one ring by the oracle, given as the list of numbers that a file has."""
    found = coco.frPyObjects([np.asarray(ring).reshape(-1).tolist()], *shape)
    return found[0]["counts"].decode("ascii")


def pack(many: list[Floats]) -> tuple[Floats, NDArray[np.int64]]:
    return np.concatenate([np.zeros((0, 2)), *many]), offsets_of([len(ring) for ring in many])


# ---------------------------------------------------------------- equal to pycocotools


@given(rings(), image_shapes())
@example(np.array([[1.0, 1.0], [8.0, 8.0], [8.0, 1.0], [1.0, 8.0]]), (10, 10))  # bow-tie
@example(np.full((3, 2), 4.0), (10, 10))
@example(np.array([[-0.1, -0.1], [0.1, 0.1], [-0.3, 0.3]]), (2, 2))
@example(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]), (10, 10))
def test_ring_is_filled_as_pycocotools_fills_it(ring: Floats, shape: Shape) -> None:
    assert rle.to_string(raster.ring_to_runs(ring, shape)) == native(ring, shape)


@given(rings(), image_shapes())
def test_walk_for_huge_images_is_the_walk_of_pycocotools(ring: Floats, shape: Shape) -> None:
    assert rle.to_string(raster._walk(ring, shape)) == native(ring, shape)


@given(rings(low=-5_000.0, high=5_000.0), st.tuples(*[st.integers(1, 1_000)] * 2))
def test_ring_far_outside_is_filled_as_pycocotools_fills_it(ring: Floats, shape: Shape) -> None:
    text = native(ring, shape)
    assert rle.to_string(raster.ring_to_runs(ring, shape)) == text
    assert rle.to_string(raster._walk(ring, shape)) == text


@pytest.mark.parametrize(
    ("ring", "pixels"),
    [
        (SQUARE, 16),
        (SQUARE + 0.5, 16),
        (SQUARE + 0.2, 16),
        (np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]), 100),
        (np.array([[2.0, 2.0], [8.0, 2.0], [2.0, 8.0]]), 15),
        (np.full((3, 2), 4.0), 0),
        (np.array([[1.0, 1.0], [8.0, 8.0], [8.0, 1.0], [1.0, 8.0]]), 24),
        (np.array([[-3.0, -3.0], [5.0, -3.0], [5.0, 5.0], [-3.0, 5.0]]), 25),
        (np.array([[20.0, 20.0], [30.0, 20.0], [30.0, 30.0], [20.0, 30.0]]), 0),
    ],
)
def test_known_rings_have_their_pixels(ring: Floats, pixels: int) -> None:
    assert rle.area(raster.ring_to_runs(ring, (10, 10))) == pixels


@given(rings(), st.integers(0, 4))
def test_equal_fifth_cells_give_equal_masks(ring: Floats, seed: int) -> None:
    cells = raster.fifth_cells(ring)
    # The middle of a cell: truncation towards zero moves the negative ones by one.
    middle = np.where(cells > 0, cells, np.where(cells < 0, cells - 0.9, 0.0)) / 5
    assert np.array_equal(raster.fifth_cells(middle), cells)
    shape = (12 + seed, 17)
    a, b = raster.ring_to_runs(ring, shape), raster.ring_to_runs(middle, shape)
    assert np.array_equal(a, b)


def test_fifth_cells_cut_towards_zero() -> None:
    cells = raster.fifth_cells([-0.29, -0.31, -1.0, 0.0, 0.09, 0.1, 1.0])
    assert cells.tolist() == [0, -1, -4, 0, 0, 1, 5]


# ---------------------------------------------------------------- parts, holes, rows


def fill(ring: Floats, shape: Shape) -> NDArray[np.bool_]:
    return rle.decode(rle.from_string(native(ring, shape)), shape)


def slow_parts(parts: list[list[Floats]], shape: Shape) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    for part in parts:
        inside = np.zeros(shape, dtype=bool)
        for ring in part:
            inside ^= fill(ring, shape)
        mask |= inside
    return mask


PARTS = st.one_of(
    polygons(),
    st.lists(st.lists(rings(max_points=6), min_size=1, max_size=3), max_size=3),
)


@given(PARTS, image_shapes(40))
def test_parts_are_exterior_xor_holes_then_or(parts: list[list[Floats]], shape: Shape) -> None:
    expected = slow_parts(parts, shape)
    assert np.array_equal(raster.parts_to_runs(parts, shape), rle.encode(expected))
    assert np.array_equal(raster.parts_to_mask(parts, shape), expected)
    crop, left, top = raster.parts_to_crop(parts, shape)
    assert np.array_equal(rle.encode_crop(crop, left, top, shape), rle.encode(expected))


@given(st.lists(rings(max_points=6), min_size=1, max_size=4), image_shapes())
def test_even_odd_is_the_xor_of_the_rings(many: list[Floats], shape: Shape) -> None:
    expected = np.logical_xor.reduce([fill(ring, shape) for ring in many])
    assert np.array_equal(raster.even_odd_to_runs(many, shape), rle.encode(expected))
    assert np.array_equal(raster.part_to_runs(many, shape), rle.encode(expected))


ROWS = st.lists(
    st.tuples(st.one_of(st.just([]), PARTS), st.sampled_from([(9, 12), (20, 20), (1, 30)])),
    max_size=5,
)


@given(ROWS)
def test_rows_at_once_are_the_rows_one_by_one(
    rows: list[tuple[list[list[Floats]], Shape]],
) -> None:
    outline = Rings.of([parts for parts, _ in rows])
    shapes = np.array([shape for _, shape in rows], dtype=np.int64).reshape(-1, 2)
    runs = raster.rows_to_runs(outline, shapes)
    assert len(runs) == len(rows)
    for index, (parts, shape) in enumerate(rows):
        if parts:
            assert np.array_equal(runs.row(index), raster.parts_to_runs(parts, shape))
            assert tuple(runs.shape[index]) == shape
        else:
            assert not runs.present[index]
            assert not len(runs.row(index))


def test_rows_without_outline_need_no_image_size() -> None:
    outline = Rings.of([None, [[SQUARE]], None])
    runs = raster.rows_to_runs(outline, np.array([[0, 0], [10, 10], [-1, 5]]))
    assert runs.present.tolist() == [False, True, False]
    assert rle.area(runs.row(1)) == 16
    assert len(raster.rows_to_runs(Rings.empty(0), np.zeros((0, 2), dtype=np.int64))) == 0
    assert len(raster.rows_to_runs(Rings.empty(2), np.zeros((2, 2), dtype=np.int64))) == 2


def test_no_parts_are_an_empty_mask() -> None:
    assert rle.to_list(raster.parts_to_runs([], (3, 4))) == [12]
    assert rle.to_list(raster.part_to_runs([], (3, 4))) == [12]
    assert rle.to_list(raster.parts_to_runs([[]], (3, 4))) == [12]


def test_image_beyond_32_bit_positions_is_filled() -> None:
    shape = (1 << 20, 1 << 20)
    base = 1_000_000.0
    ring = SQUARE + base
    counts = raster.ring_to_runs(ring, shape)
    rle.check(counts, shape)
    assert rle.bounds(counts, shape) == (1_000_002, 1_000_002, 1_000_006, 1_000_006)
    assert rle.area(counts) == 16
    runs = raster.rows_to_runs(Rings.of([[[ring], [ring + 9]]]), np.array([shape]))
    assert rle.areas(runs).tolist() == [32]
    # As large as native code may have it: the same mask as in the image beyond.
    wide, wider = (1 << 10, (1 << 21) - 1), (1 << 10, 1 << 21)
    ring = SQUARE + np.array([base, 100.0])
    assert rle.area(raster.ring_to_runs(ring, wide)) == 16
    assert rle.bounds(raster.ring_to_runs(ring, wide), wide) == rle.bounds(
        raster.ring_to_runs(ring, wider), wider
    )


# ---------------------------------------------------------------- faults


def fault_of(ring: object) -> str:
    array = np.array(ring, dtype=np.float64).reshape(-1, 2)
    return raster.FAULTS[raster.faults(array, np.array([0, len(array)]))[0]]


def zigzag(points: int) -> Floats:
    steps = np.arange(points)
    return np.column_stack((np.where(steps % 2, 10_000.0, 0.0), steps / 100))


@pytest.mark.parametrize(
    ("ring", "fault"),
    [
        (SQUARE, ""),
        (SQUARE[::-1], ""),
        ([[1, 1], [8, 8], [8, 1], [1, 8]], ""),
        ([[4, 5], [4, 5], [4, 5], [9, 5], [4, 9]], ""),
        ([[0, 0], [0.01, 0], [0.01, 0.01]], ""),
        ([[0, 0], [600, 0.01], [300, 0]], ""),
        (SQUARE - 9e6, ""),
        ([], "polygon.too_few"),
        ([[1, 1]], "polygon.too_few"),
        ([[1, 1], [5, 5]], "polygon.too_few"),
        ([[1e9, 1], [5, 5]], "polygon.too_few"),
        ([[np.nan, 1], [5, 5]], "number.not_finite"),
        ([[1, 1], [5, 1], [5, np.inf]], "number.not_finite"),
        ([[1, 1], [5, 1], [5, -np.inf]], "number.not_finite"),
        ([[1, 1e9], [5, 1], [5, np.nan]], "number.not_finite"),
        ([[1, 1], [5, 1], [5, 1e9]], "geometry.outside_image"),
        ([[2e8, 2e8], [2.1e8, 2e8], [2e8, 2.1e8]], "geometry.outside_image"),
        ([[0, 0], [1e308, 0], [0, -1e308]], "geometry.outside_image"),
        ([[0, 0], [6e5, 0], [6e5, 5]], "geometry.outside_image"),
        (zigzag(101), "geometry.outside_image"),
        (zigzag(99), ""),
        (np.tile(SQUARE, (25_001, 1)), "limit.points"),
        ([[10, 10], [20, 20], [30, 30]], "polygon.zero_area"),
        ([[0.1, 0.1], [0.2, 0.2], [0.7, 0.7], [0.3, 0.3]], "polygon.zero_area"),
        ([[1e6 + 0.1, 5], [1e6 + 7.3, 5], [1e6 + 0.2, 5]], "polygon.zero_area"),
        ([[4, 4], [4, 4], [4, 4]], "polygon.zero_area"),
        ([[0, 0], [0, 0], [0, 0]], "polygon.zero_area"),
        ([[1, 1], [5, 1], [1, 1]], "polygon.zero_area"),
        ([[5e-324, 0], [1e-320, 0], [0, 5e-324]], "polygon.zero_area"),
    ],
)
def test_fault_of_a_ring_is_named(ring: object, fault: str) -> None:
    assert fault_of(ring) == fault


def test_faults_of_many_rings_are_those_of_each() -> None:
    many = [
        SQUARE,
        np.array([[1.0, 1.0], [5.0, 5.0]]),
        np.zeros((0, 2)),
        np.array([[1.0, 1.0], [5.0, 1.0], [5.0, np.nan]]),
        SQUARE + 5,
        np.array([[1.0, 1.0], [5.0, 1.0], [5.0, 1e9]]),
        np.array([[10.0, 10.0], [20.0, 20.0], [30.0, 30.0]]),
        np.array([[0.0, 0.0], [6e5, 0.0], [6e5, 5.0]]),
        np.zeros((0, 2)),
    ]
    found = raster.faults(*pack(many))
    assert found.dtype == np.uint8
    assert [raster.FAULTS[fault] for fault in found] == [fault_of(ring) for ring in many]
    xy, offsets = pack(many)
    assert np.array_equal(raster.faults(xy, offsets[3:6]), found[3:5])
    assert not len(raster.faults(*pack([])))


@given(st.lists(rings(min_points=1, max_points=6), max_size=8))
def test_faults_do_not_depend_on_the_neighbours(many: list[Floats]) -> None:
    together = raster.faults(*pack(many))
    assert [fault_of(ring) for ring in many] == [raster.FAULTS[fault] for fault in together]


@given(
    st.tuples(*[st.integers(-400, 400)] * 4),
    st.lists(st.integers(0, 40), min_size=3, max_size=8),
    st.sampled_from([1.0, 0.1, 1 / 3]),
)
def test_ring_on_one_line_has_zero_area(
    line: tuple[int, int, int, int], places: list[int], unit: float
) -> None:
    x, y, dx, dy = line
    ring = np.array([[x + dx * t, y + dy * t] for t in places], dtype=np.float64) * unit
    assert fault_of(ring) == "polygon.zero_area"


@given(rings())
def test_ring_whose_hull_has_area_is_not_flat(ring: Floats) -> None:
    shapely = pytest.importorskip("shapely")
    hull = shapely.convex_hull(shapely.multipoints(ring))
    if hull.area > 1e-6:
        assert fault_of(ring) == ""


def test_limits_are_those_of_the_caller() -> None:
    xy, offsets = pack([SQUARE, SQUARE + 100])
    tight = DEFAULT_LIMITS.replace(coordinate=50)
    assert raster.faults(xy, offsets, limits=tight).tolist() == [0, 3]
    tight = DEFAULT_LIMITS.replace(outline=15)
    assert raster.faults(xy, offsets, limits=tight).tolist() == [3, 3]
    assert not raster.faults(xy, offsets, limits=DEFAULT_LIMITS.replace(outline=16)).any()
    tight = DEFAULT_LIMITS.replace(ring_points=3)
    assert raster.faults(xy, offsets, limits=tight).tolist() == [4, 4]


BAD = [
    pytest.param([[1.0, 1.0], [5.0, 5.0]], "too_few", id="as many numbers as a box"),
    pytest.param([[1.0, 1.0], [5.0, 1.0], [np.nan, 5.0]], "not_finite", id="nan"),
    pytest.param([[1.0, 1.0], [5.0, 1.0], [2e8, 5.0]], "outside_image", id="far"),
    pytest.param([[0.0, 0.0], [9e6, 0.0], [0.0, 9e6]], "outside_image", id="long"),
]


@pytest.mark.parametrize(("ring", "code"), BAD)
def test_bad_ring_is_refused_before_native_code(ring: list[list[float]], code: str) -> None:
    array = np.array(ring)
    with pytest.raises(GeometryError, match=code):
        raster.ring_to_runs(array, (10, 10))
    with pytest.raises(GeometryError, match=code):
        raster.parts_to_mask([[SQUARE], [SQUARE, array]], (10, 10))
    with pytest.raises(GeometryError, match=code):
        raster.rows_to_runs(Rings.of([[[SQUARE]], [[array]]]), np.full((2, 2), 10))
    with pytest.raises(GeometryError, match=f"ring 1 .*{code}"):
        raster.check_rings([SQUARE, array])


def test_check_of_rings_refuses_a_flat_one_that_filling_takes() -> None:
    flat = np.array([[1.0, 1.0], [5.0, 5.0], [3.0, 3.0]])
    with pytest.raises(GeometryError, match="zero_area"):
        raster.check_rings([flat])
    assert rle.to_string(raster.ring_to_runs(flat, (9, 9))) == native(flat, (9, 9))
    raster.check_rings([SQUARE, SQUARE.tolist()])
    raster.check_rings([])


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (-1, 5)])
def test_image_without_pixels_is_refused(shape: Shape) -> None:
    with pytest.raises(GeometryError, match="> 0"):
        raster.ring_to_runs(SQUARE, shape)
    with pytest.raises(GeometryError, match="> 0"):
        raster.rows_to_runs(Rings.of([[[SQUARE]]]), np.array([shape]))


def test_ring_of_another_width_is_refused() -> None:
    with pytest.raises(GeometryError, match="expected"):
        raster.ring_to_runs(np.zeros((4, 3)), (5, 5))


def test_arguments_stay_as_they_are() -> None:
    ring = SQUARE.copy()
    ring.flags.writeable = False
    raster.ring_to_runs(ring, (10, 10))
    raster.faults(ring, np.array([0, 4]))
    assert np.array_equal(ring, SQUARE)
