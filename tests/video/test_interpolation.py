"""Interpolation: through both ends, along with the picture, never the long way round."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import masks, rotated_boxes, simple_rings

import dlgeom as dl
from dlgeom.geometry import cuboids
from dlgeom.video import interpolate
from dlgeom.video.interpolation.angles import arc, slerp
from dlgeom.video.interpolation.rings import between_lines, between_rings, corresponding

parts = st.floats(0.01, 0.99)
angles = st.floats(-1000, 1000)
numbers = st.integers(-800, 800).map(lambda n: n / 8) | st.floats(-100, 100).map(
    lambda x: round(x, 6)
)
sizes = st.floats(0, 50)


def by(points: np.ndarray, dx: float, dy: float = 0) -> np.ndarray:
    return points + np.array([dx, dy])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dl.Definition, dl.Definition]:
    """Draw two states of one thing, of any kind of geometry."""
    kind = draw(
        st.sampled_from(
            ["box", "turned", "ellipse", "point", "pose", "line", "ring", "cube", "mask"]
        )
    )
    made = [draw(_shape(kind)) for _ in range(2)]
    return made[0], made[1]


@st.composite
def _shape(draw: st.DrawFn, kind: str) -> dl.Definition:
    x, y = draw(numbers), draw(numbers)
    if kind == "box":
        return dl.Box(x, y, x + draw(sizes), y + draw(sizes), "a")
    if kind == "turned":
        return dl.Box.from_rotated([x, y, draw(sizes), draw(sizes), draw(angles)], "a")
    if kind == "ellipse":
        return dl.Ellipse(x, y, draw(sizes), draw(sizes), draw(angles), "a")
    if kind == "point":
        return dl.Point(x, y, "a")
    if kind == "pose":
        points = [
            dl.Point(
                draw(numbers), draw(numbers), name, visibility=draw(st.sampled_from([0, 1, 2]))
            )
            for name in draw(st.permutations(["nose", "ear", "tail"]))
        ]
        return dl.Pose("a", "t", points=points)
    if kind == "line":
        count = draw(st.integers(2, 5))
        return dl.Polyline([[draw(numbers), draw(numbers)] for _ in range(count)], "a")
    if kind == "ring":
        return dl.Polygon(draw(simple_rings()), "a")
    if kind == "cube":
        corners = np.array([[draw(numbers), draw(numbers)] for _ in range(8)])
        return dl.Cube.from_points(corners, "a")
    mask = np.zeros((12, 12), dtype=bool)
    mask[draw(st.integers(0, 8)) :, draw(st.integers(0, 8)) :] = True
    return dl.Segmentation(mask, "a")


@given(pairs(), st.sampled_from(["hold", "distance"]))
def test_both_ends_are_met_exactly(pair: tuple[dl.Definition, dl.Definition], masks: Any) -> None:
    first, second = pair
    assert interpolate(first, second, 0, masks=masks) is first
    assert interpolate(first, second, 1, masks=masks) is second


@given(pairs(), parts)
def test_what_lies_between_has_the_type_and_label_of_the_first(
    pair: tuple[dl.Definition, dl.Definition], t: float
) -> None:
    first, second = pair
    found = interpolate(first, second, t, masks="distance")
    assert type(found) is type(first)
    assert found.label == first.label


def _moved(shape: Any, dx: float, dy: float) -> Any:
    """Move a shape by whole pixels, independently of the library's own transforms."""
    by = np.array([dx, dy])
    if isinstance(shape, dl.Box):
        row = np.array(
            shape.rotated if shape.angle else [*shape.center, shape.width, shape.height, 0]
        )
        row[:2] += by
        return dl.Box.from_rotated(row, shape.label)
    if isinstance(shape, dl.Ellipse):
        return dl.Ellipse(shape.x + dx, shape.y + dy, shape.rx, shape.ry, shape.angle, shape.label)
    if isinstance(shape, dl.Point):
        return dl.Point(shape.x + dx, shape.y + dy, shape.label, visibility=shape.visibility)
    if isinstance(shape, dl.Pose):
        points = [_moved(point, dx, dy) for point in shape.points]
        return dl.Pose(shape.label, shape.template_id, points=points)
    if isinstance(shape, dl.Polyline):
        return dl.Polyline(shape.geo + by, shape.label)
    if isinstance(shape, dl.Polygon):
        return dl.Polygon(shape.geo + by, shape.label)
    return dl.Cube.from_points(shape.geo + by, shape.label)


@given(pairs(), parts, st.integers(-50, 50), st.integers(-50, 50))
def test_interpolation_of_a_moved_track_is_the_moved_interpolation(
    pair: tuple[dl.Definition, dl.Definition], t: float, dx: int, dy: int
) -> None:
    first, second = pair
    if isinstance(first, dl.Segmentation | dl.Polygon):
        return  # outlines: below, where the start is not a near tie; masks: in whole pixels
    here = _moved(interpolate(first, second, t), dx, dy)
    there = interpolate(_moved(first, dx, dy), _moved(second, dx, dy), t)
    if isinstance(here, dl.Box):
        assert np.allclose(here.corners, there.corners, atol=1e-6)
    elif isinstance(here, dl.Ellipse):
        assert here.is_close(there, atol=1e-6)
    else:
        assert np.allclose(np.asarray(here.geo, float), np.asarray(there.geo, float), atol=1e-6)


@given(simple_rings(), st.integers(0, 10), st.booleans(), parts, numbers, numbers)
def test_start_and_direction_of_an_outline_do_not_matter(
    ring: np.ndarray, start: int, back: bool, t: float, dx: float, dy: float
) -> None:
    """The same ring, moved and drawn from another vertex or the other way round: it only moves."""
    other = by(np.roll(ring, -start, axis=0)[:: -1 if back else 1], dx, dy)
    found = dl.Polygon(between_rings(ring, other, t), "a")
    wanted = dl.Polygon(ring + np.array([dx, dy]) * t, "a")
    assert found.area == pytest.approx(wanted.area, abs=1e-6 * (1 + wanted.area))
    assert np.allclose(found.bounds, wanted.bounds, atol=1e-6)


@given(simple_rings(), simple_rings())
def test_corresponding_rings_keep_every_vertex_of_both(a: np.ndarray, b: np.ndarray) -> None:
    first, second = corresponding(a, b)
    assert len(first) == len(second) >= max(len(a), len(b))
    for whole, cut in ((a, first), (b, second)):
        near = np.hypot(*(whole[:, None] - cut[None]).transpose(2, 0, 1)).min(axis=1)
        assert near.max() < 1e-6
        # Cutting edges leaves the area as it is.
        assert abs(dl.Polygon(cut, "a").area - dl.Polygon(whole, "a").area) < 1e-6 * (1 + 100)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6), parts, numbers, numbers)
def test_a_moved_line_moves(
    points: list[tuple[float, float]], t: float, dx: float, dy: float
) -> None:
    line = np.array(points)
    if len(np.unique(line, axis=0)) < len(line):
        return
    found = between_lines(line, by(line, dx, dy), t)
    assert np.allclose(found, line + np.array([dx, dy]) * t, atol=1e-6)


@given(rotated_boxes(max_rows=1), rotated_boxes(max_rows=1), parts, st.integers(-3, 3))
def test_a_whole_turn_more_changes_nothing(
    a: np.ndarray, b: np.ndarray, t: float, turns: int
) -> None:
    first, second = dl.Box.from_rotated(a[0], "a"), dl.Box.from_rotated(b[0], "a")
    more = b[0] + np.array([0, 0, 0, 0, 360.0 * turns])
    here = interpolate(first, second, t)
    there = interpolate(first, dl.Box.from_rotated(more, "a"), t)
    half = abs(abs(arc(a[0, 4], b[0, 4])) - 180) < 1e-6
    if not half:  # rounding decides between the two ways of half a turn
        assert np.allclose(here.corners, there.corners, atol=1e-6)


@given(rotated_boxes(max_rows=1), rotated_boxes(max_rows=1), parts)
def test_a_turned_box_never_shrinks(a: np.ndarray, b: np.ndarray, t: float) -> None:
    found = interpolate(dl.Box.from_rotated(a[0], "a"), dl.Box.from_rotated(b[0], "a"), t)
    low, high = np.minimum(a[0, 2:4], b[0, 2:4]), np.maximum(a[0, 2:4], b[0, 2:4])
    assert (np.array([found.width, found.height]) >= low - 1e-9).all()
    assert (np.array([found.width, found.height]) <= high + 1e-9).all()


@given(rotated_boxes(max_rows=1), parts, st.sampled_from([90.0, 180.0, 270.0]))
def test_a_symmetric_box_does_not_spin(row: np.ndarray, t: float, turn: float) -> None:
    box = dl.Box.from_rotated(row[0], "a")
    x, y, w, h, angle = row[0]
    same = [x, y, h, w, angle + turn] if turn != 180 else [x, y, w, h, angle + turn]
    found = interpolate(box, dl.Box.from_rotated(same, "a"), t, symmetric=True)
    assert np.allclose(found.corners, box.corners, atol=1e-6)


@given(angles, angles)
def test_the_arc_is_the_shortest_turn(a: float, b: float) -> None:
    turn = arc(a, b)
    assert -180 < turn <= 180
    assert math.isclose(math.remainder(a + turn - b, 360), 0, abs_tol=1e-6)


def test_half_turns_go_clockwise() -> None:
    first, second = (dl.Box(0, 0, 4, 2, "a", angle=angle) for angle in (0, 180))
    assert interpolate(first, second, 0.5).angle == 90
    assert interpolate(second, first, 0.5).angle == 270
    assert (
        interpolate(
            dl.Box(0, 0, 4, 2, "a", angle=170), dl.Box(0, 0, 4, 2, "a", angle=-170), 0.5
        ).angle
        == 180
    )


def test_an_ellipse_whose_radii_change_roles_does_not_turn_inside_out() -> None:
    wide = dl.Ellipse(0, 0, 10, 4, 0, "a")
    same = dl.Ellipse(0, 0, 4, 10, 90, "a")
    found = interpolate(wide, same, 0.5)
    assert (found.rx, found.ry) == (10, 4)
    assert found.angle % 180 == pytest.approx(0)
    assert (
        interpolate(dl.Ellipse(0, 0, 5, 5.01, 10, "a"), dl.Ellipse(0, 0, 5, 9, 80, "a"), 0.5).angle
        == 10
    )


def test_points_of_a_pose_go_by_name_and_hold_where_one_is_missing() -> None:
    first = dl.Pose(
        "a",
        "t",
        points=[
            dl.Point(0, 0, "nose"),
            dl.Point(5, 5, "ear", visibility=1),
            dl.Point(7, 7, "eye", visibility=0),
        ],
    )
    second = dl.Pose(
        "a", "t", points=[dl.Point(9, 9, "ear"), dl.Point(10, 0, "nose"), dl.Point(1, 1, "eye")]
    )
    found = interpolate(first, second, 0.5)
    assert found.keypoints.tolist() == [[5, 0, 2], [7, 7, 1], [7, 7, 0]]
    lone = interpolate(first, dl.Pose("a", "t", points=[dl.Point(1, 1, "tail")]), 0.5)
    assert np.array_equal(lone.keypoints, first.keypoints)


def test_parts_and_holes_keep_their_partners() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]])
    hole = np.array([[2, 2], [4, 2], [4, 4], [2, 4.0]])
    first = dl.Polygon.from_parts([[square, hole], [by(square, 100)]], "a")
    second = dl.Polygon.from_parts([[by(square, 104)], [by(square, 2), by(hole, 2)]], "a")
    found = interpolate(first, second, 0.5)
    assert [len(part) for part in found.parts] == [2, 1]
    assert found.parts[0][0].min(axis=0).tolist() == [1, 0]
    assert found.parts[0][1].min(axis=0).tolist() == [3, 2]
    assert found.parts[1][0].min(axis=0).tolist() == [102, 0]


def test_what_has_no_partner_holds_to_the_middle() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]])
    one = dl.Polygon.from_parts([[square]], "a")
    two = dl.Polygon.from_parts([[square], [by(square, 50)]], "a")
    assert [len(interpolate(one, two, t).parts) for t in (0.4, 0.6)] == [1, 2]
    assert [len(interpolate(two, one, t).parts) for t in (0.4, 0.6)] == [2, 1]


@given(masks(10), st.integers(0, 12), st.integers(0, 12), parts)
@settings(max_examples=200)
def test_a_moved_mask_is_never_empty_in_between(
    mask: np.ndarray, dx: int, dy: int, t: float
) -> None:
    canvas = np.zeros((30, 30), dtype=bool)
    canvas[: mask.shape[0], : mask.shape[1]] = mask
    moved = np.roll(canvas, (dy, dx), axis=(0, 1))
    found = interpolate(
        dl.Segmentation(canvas, "a"), dl.Segmentation(moved, "a"), t, masks="distance"
    )
    assert bool(found.area) == bool(mask.any())
    if mask.any():
        # The same mask, moved by whole pixels, keeps its shape but for where it is.
        assert found.area == mask.sum()


def test_a_mask_that_grows_is_in_between() -> None:
    y, x = np.mgrid[:100, :160]
    small = (x - 40) ** 2 + (y - 50) ** 2 < 15**2
    large = (x - 120) ** 2 + (y - 50) ** 2 < 35**2
    true = (x - 80) ** 2 + (y - 50) ** 2 < 25**2
    found = interpolate(
        dl.Segmentation(small, "a"), dl.Segmentation(large, "a"), 0.5, masks="distance"
    ).to_mask()
    assert (found & true).sum() / (found | true).sum() > 0.95


rotations = st.lists(st.floats(-3, 3), min_size=3, max_size=3).map(np.array)


@given(rotations, rotations, parts)
def test_a_turn_in_space_is_divided_evenly(a: np.ndarray, b: np.ndarray, t: float) -> None:
    def matrix(angles: np.ndarray) -> np.ndarray:
        return cuboids.rotation_matrices(angles[None])[0]

    def turned(one: np.ndarray, other: np.ndarray) -> float:
        cosine = (np.trace(one.T @ other) - 1) / 2
        return math.acos(min(max(cosine, -1), 1))

    whole = turned(matrix(a), matrix(b))
    part = turned(matrix(a), matrix(slerp(a, b, t)))
    assert part == pytest.approx(whole * t, abs=1e-5)


def test_other_types_hold() -> None:
    box, point = dl.Box(0, 0, 1, 1, "a"), dl.Point(5, 5, "a")
    assert interpolate(box, point, 0.9) is box
    assert interpolate(dl.Classification("a"), dl.Classification("b"), 0.9).label == "a"
    with pytest.raises(dl.UsageError, match=r"\[0, 1\]"):
        interpolate(box, box, 1.5)
