"""Rules where they change over: what mutation testing found that no other law would notice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import (
    affine,
    clipping,
    cuboids,
    fitting,
    overlay,
    raster,
    regions,
    resampling,
    rle,
    rle_affine,
    rle_text,
    segments,
    strokes,
    thinning,
)
from dlgeom.geometry.overlap import keypoints, matching, measures, suppression
from dlgeom.geometry.ragged import Ragged, Rings, Runs

numbers = st.floats(-50, 50, width=32)


# ---------------------------------------------------------------- columns


def test_nothing_put_together_is_nothing() -> None:
    assert len(Runs.concat([])) == 0
    assert len(Ragged.empty(3, 2).values) == 0
    assert Ragged.empty(3, 2).lengths.tolist() == [0, 0, 0]


@given(st.lists(st.lists(st.tuples(numbers, numbers), max_size=3), max_size=4))
def test_ragged_columns_compare_and_join(rows: list[list[tuple[float, float]]]) -> None:
    arrays = [np.array(row, dtype=np.float64).reshape(-1, 2) for row in rows]
    column = Ragged.of(arrays, 2)
    assert column == Ragged.of([array.copy() for array in arrays], 2)
    assert Ragged.concat([column, column]).lengths.tolist() == 2 * [len(row) for row in rows]
    np.testing.assert_array_equal(
        Ragged.concat([column, column]).values, np.vstack((column.values, column.values))
    )
    for k, array in enumerate(arrays):
        other = [piece.copy() for piece in arrays]
        other[k] = np.vstack((array, [[1.0, 2.0]]))
        assert column != Ragged.of(other, 2)
        if len(array):
            other[k] = array + 1.0
            assert column != Ragged.of(other, 2)


# ---------------------------------------------------------------- cameras and cubes


@given(
    hnp.arrays(np.float64, (5, 3), elements=st.floats(-5, 5)),
    st.tuples(*[st.floats(-1, 1)] * 3),
    st.tuples(*[st.floats(-3, 3)] * 3),
)
def test_a_camera_in_parts_is_the_whole_camera(
    points: np.ndarray, angles: tuple[float, ...], shift: tuple[float, ...]
) -> None:
    inner = np.array([[400.0, 0.0, 320.0], [0.0, 410.0, 240.0], [0.0, 0.0, 1.0]])
    turn = cuboids.rotation_matrices([angles])[0]
    whole = inner @ np.column_stack((turn, shift))
    expected, depths = cuboids.project(points, whole)
    for form in (shift, np.reshape(shift, (3, 1)), np.reshape(shift, (1, 3))):
        found, depth = cuboids.project(points, inner, turn, form)
        np.testing.assert_allclose(depth, depths, atol=1e-9)
        near = np.abs(depths) > 1e-3
        np.testing.assert_allclose(found[near], expected[near], rtol=1e-6, atol=1e-6)


def test_matrices_of_integers_and_texts() -> None:
    points = [[1, 2, 4]]
    pixels, depths = cuboids.project(points, [[2, 0, 0], [0, 2, 0], [0, 0, 1]])
    assert pixels.tolist() == [[0.5, 1.0]]
    assert depths.tolist() == [4.0]
    with pytest.raises(GeometryError, match=r"translation has shape \(2,\)"):
        cuboids.project(points, np.eye(3), None, [1.0, 2.0])
    with pytest.raises(GeometryError, match="camera is no array of numbers"):
        cuboids.project(points, [["a", "b", "c"]] * 3)


@given(hnp.arrays(np.int64, (2, 8, 2), elements=st.integers(-20, 20)))
def test_silhouettes_of_whole_numbers(points: np.ndarray) -> None:
    """Convex hulls, triangles among them, as shapely has them, all in one direction."""
    areas = cuboids.silhouette_areas(points)
    for cube, area in zip(points, areas, strict=True):
        hull = shapely.convex_hull(shapely.multipoints(cube.astype(float)))
        assert area == pytest.approx(hull.area)
        ring = cuboids.silhouette(cube)
        if hull.area > 0:
            x, y = ring.T
            assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0


def test_a_triangle_of_corners_runs_clockwise_both_ways() -> None:
    for corners in ([(0, 0), (4, 0), (0, 4)], [(0, 0), (0, 4), (4, 0)]):
        cube = np.array([*corners, *([corners[0]] * 5)], dtype=np.float64)
        ring = cuboids.silhouette(cube)
        assert len(ring) == 3
        x, y = ring.T
        assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() == 16


# ---------------------------------------------------------------- compressed run lengths


def test_each_character_of_a_single_number() -> None:
    """A number of one character is a sign bit and four bits; only 48 to 111 are characters."""
    for byte in range(256):
        text = bytes([byte])
        code = byte - 48
        if 0 <= code < 16:
            assert rle_text.to_list(rle_text.from_string(text)) == [code]
        else:
            with pytest.raises(GeometryError):
                rle_text.from_string(text)
    # The fourth number on is a difference: 5 - 3 = 2.
    assert rle_text.to_list(rle_text.from_string(b"151" + bytes([48 + 32 - 3]))) == [1, 5, 1, 2]


def test_bad_texts_say_what_is_bad() -> None:
    with pytest.raises(GeometryError, match="a run of negative length"):
        rle_text.from_string(bytes([48 + 31]))
    with pytest.raises(GeometryError, match="hold a character outside of 48 to 111"):
        rle_text.from_string(b"\x01")


@given(st.lists(st.integers(1, 2**34) | st.just(2**32 - 1) | st.integers(1, 3), min_size=1))
def test_lists_of_long_runs_come_back(lengths: list[int]) -> None:
    assert rle_text.to_list(rle_text.from_list(lengths)) == lengths


# ---------------------------------------------------------------- masks under maps

masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 7)))


@given(
    masks,
    st.sampled_from([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0]),
    st.sampled_from([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0]),
    st.integers(-9, 9),
    st.integers(-9, 9),
    st.booleans(),
)
def test_upright_maps_take_the_pixel_at_the_middle(
    mask: np.ndarray, a: float, d: float, tx: int, ty: int, turned: bool
) -> None:
    """Scales and mirrors of unlike sizes, shifts, quarter turns: pixel by pixel."""
    high, wide = 6, 8
    linear = np.array([[0.0, a], [d, 0.0]]) if turned else np.diag([a, d])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, (tx, ty)
    counts = rle.encode(mask)
    found = rle.decode(rle_affine.transform(counts, mask.shape, matrix, (high, wide)), (high, wide))
    inverse = np.linalg.inv(linear)
    for row, column in itertools.product(range(high), range(wide)):
        x, y = inverse @ (column + 0.5 - tx, row + 0.5 - ty)
        # On the edge of two pixels either may be meant; middles of halves are such.
        if x == round(x) or y == round(y):
            continue
        inside = 0 <= x < mask.shape[1] and 0 <= y < mask.shape[0]
        assert bool(found[row, column]) == bool(inside and mask[int(y), int(x)])


def test_maps_that_keep_axes_and_forms() -> None:
    assert affine.keeps_axes(affine.scaling(2, 3))
    assert affine.keeps_axes(np.array([[0.0, 2, 0], [-1, 0, 0], [0, 0, 1]]))
    assert not affine.keeps_axes(affine.shearing(20, 0))
    assert not affine.keeps_axes(affine.shearing(0, 20))
    assert affine.is_similarity(affine.rotation(33))
    assert not affine.is_similarity(affine.scaling(2, 3))
    for name, angles in (("x", (90, 0)), ("y", (0, -90))):
        with pytest.raises(GeometryError, match=f"shear: {name} is"):
            affine.shearing(*angles)


# ---------------------------------------------------------------- cutting


def test_flat_rings_are_cut_and_closed_once() -> None:
    window = (0.0, 0.0, 10.0, 10.0)
    flat = np.array([[-5.0, 5.0], [5.0, 5.0], [8.0, 5.0]])
    parts, share = clipping.clip_parts([[flat]], window)
    assert share == pytest.approx(16 / 26)
    assert len(parts) == 1
    ring = parts[0][0]
    assert len(ring) >= 3
    assert ring.min(axis=0).tolist() == [0.0, 5.0]
    assert ring.max(axis=0).tolist() == [8.0, 5.0]
    closed = np.vstack((flat, flat[:1]))
    np.testing.assert_array_equal(
        clipping.clip_parts([[closed]], window)[0][0][0],
        clipping.clip_parts([[flat]], window)[0][0][0],
    )
    point = np.array([[5.0, 5.0]] * 3)
    assert clipping.clip_parts([[point]], window) == ([], 0.0)
    assert clipping.clip_parts([[flat + 100]], window) == ([], 0.0)


def test_shares_of_what_is_too_large_are_none() -> None:
    assert clipping._fraction(np.inf, np.inf, True) == 0.0
    assert clipping._fraction(3.0, 2.0, True) == 1.0


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6))
def test_pieces_of_lines_lie_in_the_window(points: list[tuple[float, float]]) -> None:
    window = (-7.0, -3.0, 11.0, 13.0)
    pieces, _, _ = clipping.clip_line(np.array(points, dtype=np.float64), window)
    for piece in pieces:
        assert (piece >= window[:2]).all()
        assert (piece <= window[2:]).all()


# ---------------------------------------------------------------- corners and steps


def test_vertices_on_a_straight_piece_are_no_corners() -> None:
    ring = np.array([[0, 0], [3, 0], [9, 0], [9, 0.25], [9, 4], [0, 4], [0, 1]], dtype=np.float64)
    assert resampling.corners(ring).tolist() == [0, 2, 4, 5]
    there_and_back = np.array([[0, 0], [6, 0], [3, 0]], dtype=np.float64)
    assert resampling.corners(there_and_back).tolist() == [0, 1]
    assert resampling.corners(np.array([[0.0, 0.0], [1.0, 0.0]])).dtype == np.int64


def test_the_longest_steps_are_divided_first() -> None:
    ring = np.array([[0, 0], [12, 0], [12, 1], [0, 1]], dtype=np.float64)
    ((found,),) = resampling.insert([[ring]], 8)
    steps = np.hypot(*(np.roll(found, -1, axis=0) - found).T)
    assert steps.max() == pytest.approx(4.0)
    large = ring * 100
    ((one, two),) = resampling.insert([[ring, large]], 12)
    assert len(one) == 4
    assert len(two) == 8


# ---------------------------------------------------------------- set operations and regions


def test_touching_shapes_are_seen_from_both_sides() -> None:
    spike = shapely.Polygon([(5, 5), (9, 3), (9, 7)])
    square = shapely.box(0, 0, 5, 10)
    for one, two in ((spike, square), (square, spike)):
        edges = shapely.boundary(one), shapely.boundary(two)
        points = shapely.extract_unique_points(one), shapely.extract_unique_points(two)
        assert bool(overlay.touches(edges, points, 1e-6))
    apart = shapely.box(20, 20, 30, 30)
    pair = (square, apart)
    edges = tuple(shapely.boundary(shape) for shape in pair)
    points = tuple(shapely.extract_unique_points(shape) for shape in pair)
    assert not bool(overlay.touches(edges, points, 1e-6))
    crossing = shapely.box(2, -5, 3, 15)
    edges = shapely.boundary(square), shapely.boundary(crossing)
    points = shapely.extract_unique_points(square), shapely.extract_unique_points(crossing)
    assert not bool(overlay.touches(edges, points, 1e-6))


@given(st.lists(st.integers(-(2**20), 2**20), min_size=4, max_size=4))
def test_no_coordinate_is_beyond_the_reach(bounds: list[int]) -> None:
    found = float(overlay.reach(np.array([bounds], dtype=np.float64))[0])
    largest = max(map(abs, bounds))
    assert found > largest or found == largest == 0 or found == 1.0
    if largest >= 1:
        assert largest < found <= 2 * largest
    assert float(overlay.reach(np.zeros((1, 4)))[0]) == 1.0


def test_a_set_operation_with_nothing() -> None:
    square, nothing = shapely.box(0, 0, 4, 4), shapely.Polygon()
    for one, two, areas in (
        (square, nothing, (16, 0, 16)),
        (nothing, square, (16, 0, 0)),
        (nothing, nothing, (0, 0, 0)),
    ):
        found = [
            overlay.overlay(one, two, name).area for name in ("union", "intersection", "difference")
        ]
        assert found == list(areas)
    line = shapely.Polygon([(0, 0), (1, 1), (0, 0)])
    assert overlay.union_all([square, line]).area == 16


def test_nothing_covers_and_nothing_is_covered() -> None:
    square = [[np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])]]
    inner = [[np.array([[1.0, 1], [2, 1], [2, 2], [1, 2]])]]
    flat = [[np.array([[1.0, 1], [2, 1], [3, 1]])]]
    assert regions.covers_region(square, inner)
    assert not regions.covers_region(inner, square)
    assert not regions.covers_region(square, flat)
    assert not regions.covers_region(flat, square)
    line = [np.array([[1.0, 0], [3, 0]])]
    assert regions.covers_lines(square, line, boundary=True)
    assert not regions.covers_lines(square, line, boundary=False)
    assert regions.covers_lines(square, [np.array([[1.0, 1], [3, 0]])], boundary=False)


def test_shapes_that_are_refused_say_why() -> None:
    with pytest.raises(GeometryError, match=r"^there is no line to give a thickness"):
        strokes.outline([], 2.0)
    with pytest.raises(GeometryError, match=r"^the outline has no area"):
        fitting.ellipse_of_region([[np.array([[0.0, 0], [5, 0], [9, 0]])]])


def test_a_round_region_has_no_angle() -> None:
    turns = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    circle = 10 * np.column_stack((np.cos(turns), np.sin(turns))) + 20
    found = fitting.ellipse_of_region([[circle]])
    assert np.allclose(found[:4], (20, 20, 10, 10), atol=1e-3)
    assert found[4] == 0
    stretched = (circle - 20) * (2, 1) + 20
    assert fitting.ellipse_of_region([[stretched]])[2] == pytest.approx(20, abs=1e-2)


def test_heights_and_widths_of_numpy_are_integers_too() -> None:
    square = [[np.array([[0.0, 0], [2, 0], [2, 2]])]]
    expected = raster.parts_to_runs(square, (4, 5)).tolist()
    for shape in ((np.int32(4), 5), (4, np.int64(5)), (np.int16(4), np.uint8(5))):
        assert raster.parts_to_runs(square, shape).tolist() == expected


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=3, max_size=12),
    st.lists(st.tuples(*[st.integers(-5, 35)] * 4), max_size=4),
)
def test_the_middle_of_the_widest_section_is_inside(
    points: list[tuple[int, int]], lines: list[tuple[int, int, int, int]]
) -> None:
    face = shapely.convex_hull(shapely.multipoints(points))
    if face.geom_type != "Polygon":
        return
    cuts = np.array(lines, dtype=np.float64).reshape(-1, 4)
    middle = shapely.Point(regions._middle_of_widest(face, cuts))
    assert face.contains(middle)
    for x0, y0, x1, y1 in lines:
        if y0 != y1:  # level lines are met at no height between two vertices
            assert shapely.LineString([(x0, y0), (x1, y1)]).distance(middle) > 0


def test_the_widest_section_is_taken() -> None:
    face = shapely.Polygon([(0, 0), (2, 0), (2, 10), (20, 10), (20, 20), (0, 20)])
    assert regions._middle_of_widest(face, np.zeros((0, 4))).tolist() == [10, 15]
    cut = np.array([[4.0, 0, 4, 30]])
    assert regions._middle_of_widest(face, cut).tolist() == [12, 15]


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=3, max_size=9))
def test_sides_are_those_of_exact_turns(points: list[tuple[int, int]]) -> None:
    (ax, ay), (bx, by), *others = points
    found = thinning._sides((float(ax), float(ay)), (float(bx), float(by)), np.array(others, float))
    for (x, y), side in zip(others, found.tolist(), strict=True):
        exact = (ax - x) * (by - y) - (ay - y) * (bx - x)
        assert np.sign(side) == np.sign(exact)


# ---------------------------------------------------------------- segments


@given(
    hnp.arrays(
        np.uint32,
        st.tuples(st.integers(0, 6), st.integers(0, 6)),
        elements=st.integers(0, 3) | st.just(segments.MAX_ID),
    )
)
def test_segments_are_the_pixels_of_their_id(ids: np.ndarray) -> None:
    found, runs = segments.segment_runs(ids)
    assert found.tolist() == sorted(set(ids.ravel().tolist()) - {0})
    for row, number in enumerate(found.tolist()):
        counts = runs.counts[runs.offsets[row] : runs.offsets[row + 1]]
        np.testing.assert_array_equal(rle.decode(counts, ids.shape), ids == number)
        assert counts.sum() == ids.size
        # Canonical: only the first run may be empty.
        assert (counts[1:] > 0).all()
    np.testing.assert_array_equal(segments.id_map(segments.rgb_of(ids)), ids)


def test_colours_of_ids() -> None:
    ids = np.array([[1, 256, 65536, segments.MAX_ID]], dtype=np.uint32)
    assert segments.rgb_of(ids).tolist() == [[[1, 0, 0], [0, 1, 0], [0, 0, 1], [255, 255, 255]]]


@given(
    st.lists(
        st.integers(-1, 6) | st.sampled_from([None, "7", 2.0, True, segments.MAX_ID, 1 << 24]),
        max_size=9,
    )
)
def test_ids_of_their_own(wishes: list[object]) -> None:
    given_ids = segments.distinct_ids(wishes)
    assert len(set(given_ids)) == len(given_ids) == len(wishes)
    assert all(1 <= number <= segments.MAX_ID for number in given_ids)
    good = [type(wish) is int and 1 <= wish <= segments.MAX_ID for wish in wishes]
    granted = {wish for wish, fine in zip(wishes, good, strict=True) if fine}
    for k, (wish, number) in enumerate(zip(wishes, given_ids, strict=True)):
        first = good[k] and wish not in wishes[:k]
        if first and not any(type(other) is not int and other == wish for other in wishes[:k]):
            assert number == wish
    others = [n for n in given_ids if n not in granted]
    free = [n for n in range(1, 30) if n not in granted]
    assert sorted(others) == free[: len(others)]


# ---------------------------------------------------------------- overlap


def test_kinds_do_not_meet_and_nothing_meets_all() -> None:
    boxes = np.array([[0.0, 0, 4, 4]])
    outline = Rings.of([[[np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])]]])
    mask = Runs.of([(rle.encode(np.ones((2, 2), dtype=np.bool_)), (2, 2))])
    nothing = np.zeros((0, 4))
    for some in (boxes, outline, mask):
        assert measures.pairwise_iou(nothing, some).shape == (0, 1)
        assert measures.pairwise_iou(some, nothing).shape == (1, 0)
    for pair in ((mask, boxes), (boxes, mask), (outline, mask)):
        for function in (measures.paired_iou, measures.paired_ioa):
            with pytest.raises(GeometryError, match="both sides are of one kind"):
                function(*pair)


def test_thresholds_lie_in_0_to_1_and_are_named() -> None:
    boxes, scores = np.array([[0.0, 0, 4, 4]]), [0.5]
    for bad in (-0.1, 1.5, 2, "x"):
        with pytest.raises(UsageError, match=r"^iou_threshold is"):
            suppression.nms(boxes, scores, iou_threshold=bad)
        with pytest.raises(UsageError, match=r"^iou_threshold is"):
            suppression.soft_nms(boxes, scores, iou_threshold=bad)


def test_matching_at_a_threshold_of_1_takes_equal_shapes() -> None:
    third = 1 / 3
    boxes = np.array([[third, third, 1 + third, 1 + third], [5, 5, 9, 9.5]])
    for limit, pairs in ((1, 2), (0.9, 2)):
        found = matching.match(boxes, boxes.copy(), iou_threshold=limit)
        assert len(found.pairs) == pairs
    moved = boxes + 0.5
    assert len(matching.match(boxes, moved, iou_threshold=1).pairs) == 0


def test_bounds_are_those_of_the_labelled_points() -> None:
    pose = np.array([[[0.0, 0, 0], [3, 4, 1], [5, 9, 2]]])
    assert keypoints.bounds_of(pose).tolist() == [[3, 4, 5, 9]]
    pose[:, :, 2] = 0
    assert keypoints.bounds_of(pose).tolist() == [[0, 0, 5, 9]]
