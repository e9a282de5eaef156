"""Cubes in the image and cuboids in space."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from strategies import boxes, cubes

from dlgeom.definitions import Box, Cube, Cube3d
from dlgeom.errors import GeometryError

NAMES = (
    "front_tl",
    "front_tr",
    "front_br",
    "front_bl",
    "back_tl",
    "back_tr",
    "back_br",
    "back_bl",
)
POINTS = np.arange(16.0).reshape(8, 2)
CAMERA = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])


# In the image.


@given(cubes())
def test_corners_are_named_in_the_documented_order(points: np.ndarray) -> None:
    cube = Cube("x", *points)
    assert np.array_equal(cube.geo, points)
    for name, point in zip(NAMES, points, strict=True):
        assert np.array_equal(getattr(cube, name), point)
    assert cube == Cube("x", **dict(zip(NAMES, points.tolist(), strict=True)))
    assert cube == Cube.from_points(points, "x")
    assert cube.bounds == (*points.min(axis=0), *points.max(axis=0))
    assert not cube.geo.flags.writeable
    hull = shapely.convex_hull(shapely.MultiPoint(points))
    assert cube.area == pytest.approx(hull.area)


@given(cubes())
def test_the_angle_is_that_of_the_upper_front_edge_unless_given(points: np.ndarray) -> None:
    cube = Cube("x", *points)
    dx, dy = points[1] - points[0]
    assert 0 <= cube.angle < 360
    length = math.hypot(dx, dy)
    turned = (
        length * math.cos(math.radians(cube.angle)),
        length * math.sin(math.radians(cube.angle)),
    )
    assert turned == pytest.approx((dx, dy), abs=1e-9)
    assert Cube("x", *points, angle=-725.5).angle == -725.5
    assert Cube("x", *points, angle=cube.angle) == cube


@pytest.mark.parametrize(
    ("end", "angle"), [((9, 0), 0), ((0, 9), 90), ((-9, 0), 180), ((0, -9), 270), ((0, 0), 0)]
)
def test_angles_run_clockwise_on_the_screen_from_0_to_360(
    end: tuple[float, float], angle: float
) -> None:
    points = POINTS.copy()
    points[0], points[1] = (0, 0), end
    assert Cube("x", *points).angle == angle


def test_a_hair_below_a_whole_turn_is_0() -> None:
    points = POINTS.copy()
    points[0], points[1] = (0, 0), (1, -1e-20)
    assert Cube("x", *points).angle == 0
    points[1] = (-1, -0.0)
    assert Cube("x", *points).angle == 180


@given(boxes(max_rows=2), st.floats(-720, 720))
def test_boxes_are_turned_about_their_own_centres(rows: np.ndarray, angle: float) -> None:
    front, back = rows[0].tolist(), rows[-1].tolist()
    cube = Cube.from_boxes_and_angle(*front, *back, "x", angle, {"k": 1})
    assert cube.geo[:4] == pytest.approx(Box(*front, angle=angle).corners, abs=1e-9)
    assert cube.geo[4:] == pytest.approx(Box(*back, angle=angle).corners, abs=1e-9)
    assert cube.angle == angle
    assert (cube.label, cube.attributes) == ("x", {"k": 1})


def test_turning_follows_the_documented_numbers() -> None:
    cube = Cube.from_boxes_and_angle(10, 10, 100, 100, 20, 20, 110, 110, "x", 80)
    expected = [(91.5022, 2.8695), (107.1305, 91.5022), (18.4978, 107.1305), (2.8695, 18.4978)]
    assert cube.geo[:4] == pytest.approx(np.array(expected), abs=5e-5)
    assert cube.geo[4:] == pytest.approx(np.array(expected) + 10, abs=5e-5)


@given(boxes(max_rows=2), st.sampled_from([0, 0.0, -0.0, None, 360, -720]))
def test_without_a_turn_the_edges_stay_exact(rows: np.ndarray, angle: float | None) -> None:
    front, back = rows[0].tolist(), rows[-1].tolist()
    cube = Cube.from_boxes_and_angle(*front, *back, "x", angle)
    assert np.array_equal(cube.geo[:4], Box(*front).corners)
    assert np.array_equal(cube.geo[4:], Box(*back).corners)
    assert Cube.from_boxes_and_angle(*front, *back, "x").angle == 0


def test_bad_corners_boxes_and_angles_are_refused() -> None:
    good = POINTS.tolist()
    for wrong, message in (
        ([1, 2, 3], r"back_tl has shape \(3,\)"),
        ([1, math.nan], "back_tl is nan"),
        ("ab", "back_tl is no array of numbers"),
        (["1", "2"], "back_tl is no array of numbers"),
        ({"x": 1}, "back_tl"),
        (None, "back_tl"),
    ):
        with pytest.raises(GeometryError, match=message):
            Cube("x", *good[:4], wrong, *good[5:])  # type: ignore[arg-type, misc]
    with pytest.raises(GeometryError, match="angle is nan"):
        Cube("x", *good, angle=math.nan)
    with pytest.raises(GeometryError, match=r"back box: .*left .* is greater than right"):
        Cube.from_boxes_and_angle(0, 0, 4, 4, 5, 0, 4, 4, "x")
    with pytest.raises(GeometryError, match=r"front box: .*bottom is nan"):
        Cube.from_boxes_and_angle(0, 0, 4, math.nan, 0, 0, 4, 4, "x")
    with pytest.raises(GeometryError, match=r"shape \(2, 8\)"):
        Cube.from_points(POINTS.reshape(2, 8), "x")


def test_cubes_compare_exactly_and_by_distance() -> None:
    one = Cube("x", *POINTS, angle=1)
    assert one != Cube("x", *POINTS, angle=2)
    assert one.is_close(Cube("x", *(POINTS + 0.5), angle=1.5), atol=0.5)
    assert not one.is_close(Cube("x", *(POINTS + 0.5), angle=1.5), atol=0.4)
    zero, minus = np.zeros((8, 2)), np.full((8, 2), -0.0)
    assert Cube("x", *zero) == Cube("x", *minus)
    assert hash(Cube("x", *zero)) == hash(Cube("x", *minus))


# In space.


def test_corners_in_space_have_the_documented_order() -> None:
    cube = Cube3d("x", [1, 2, 3], [2, 4, 6], [0, 0, 0])
    assert cube.corners.tolist() == [
        [0, 0, 0],
        [2, 0, 0],
        [2, 4, 0],
        [0, 4, 0],
        [0, 0, 6],
        [2, 0, 6],
        [2, 4, 6],
        [0, 4, 6],
    ]
    assert cube.geo.tolist() == [[1, 2, 3], [2, 4, 6], [0, 0, 0]]
    assert cube.position.tolist() == [1, 2, 3]
    assert cube.scale.tolist() == [2, 4, 6]
    assert cube.rotation.tolist() == [0, 0, 0]
    assert cube.volume == 48


vectors = st.lists(st.floats(-50, 50), min_size=3, max_size=3)


@given(vectors, st.lists(st.floats(0, 50), min_size=3, max_size=3), vectors)
def test_corners_keep_the_centre_and_the_lengths_of_edges(
    position: list[float], scale: list[float], rotation: list[float]
) -> None:
    corners = Cube3d("x", position, scale, rotation).corners
    assert corners.mean(axis=0) == pytest.approx(np.array(position), abs=1e-9)
    for axis, (a, b) in enumerate([(0, 1), (0, 3), (0, 4)]):
        assert np.linalg.norm(corners[b] - corners[a]) == pytest.approx(scale[axis], abs=1e-9)
    assert np.linalg.norm(corners[6] - corners[0]) == pytest.approx(np.linalg.norm(scale), abs=1e-9)


def test_a_cuboid_in_space_has_no_bounds() -> None:
    cube = Cube3d("x", [1, 2, 3], [2, 4, 6], [0, 0, 0])
    assert all(map(math.isnan, cube.bounds))
    assert cube.area == 0


def test_what_a_camera_sees_is_a_cube() -> None:
    cube = Cube3d("x", [0, 0, 10], [2, 2, 2], [0, 0, 0], {"k": 1}, "words")
    seen = cube.to_cube(CAMERA)
    # The front is nearer, so larger; x / z * 500 + 320.
    assert seen.front_tl == pytest.approx([320 - 500 / 9, 240 - 500 / 9])
    assert seen.back_br == pytest.approx([320 + 500 / 11, 240 + 500 / 11])
    assert seen.angle == 0
    assert (seen.label, seen.attributes, seen.description) == ("x", {"k": 1}, "words")
    assert np.array_equal(cube.project(CAMERA), seen.geo)


@given(vectors, st.floats(-3, 3))
def test_one_matrix_and_its_parts_see_the_same(shift: list[float], turn: float) -> None:
    rotation = np.array(
        [[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]]
    )
    translation = np.array(shift)
    # Whatever the camera's place, a cuboid 200 in front of it is seen.
    position = rotation.T @ (np.array([0, 0, 200]) - translation)
    cube = Cube3d("x", position, [1, 2, 3], [0.1, 0.2, 0.3])
    whole = CAMERA @ np.column_stack((rotation, translation))
    one = cube.project(whole)
    assert one == pytest.approx(cube.project(CAMERA, rotation, translation), abs=1e-6)
    assert one == pytest.approx(cube.project(CAMERA, rotation, translation[:, None]), abs=1e-6)
    assert one.mean(axis=0) == pytest.approx([320, 240], abs=5)


def test_a_corner_behind_the_camera_is_an_error() -> None:
    with pytest.raises(GeometryError, match=r"front_tl has depth -1; .* > 0"):
        Cube3d("x", [0, 0, 0], [2, 2, 2], [0, 0, 0]).project(CAMERA)
    with pytest.raises(GeometryError, match="depth 0"):
        Cube3d("x", [0, 0, 1], [2, 2, 2], [0, 0, 0]).to_cube(CAMERA)


@pytest.mark.parametrize(
    ("camera", "rotation", "translation", "message"),
    [
        (np.eye(4), None, None, r"camera has shape \(4, 4\)"),
        (np.full((3, 3), np.nan), None, None, "camera has a number that is not finite"),
        ("ab", None, None, "camera is no array"),
        (CAMERA, np.eye(2), None, "rotation has shape"),
        (CAMERA, None, [1, 2], "translation has shape"),
        (np.eye(3, 4), np.eye(3), None, r"\(3, 4\), which holds"),
        (np.eye(3, 4), None, [0, 0, 0], r"\(3, 4\), which holds"),
    ],
)
def test_bad_cameras_are_refused(
    camera: object, rotation: object, translation: object, message: str
) -> None:
    cube = Cube3d("x", [0, 0, 9], [2, 2, 2], [0, 0, 0])
    with pytest.raises(GeometryError, match=message):
        cube.project(camera, rotation, translation)  # type: ignore[arg-type]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(
    "wrong", [[1, 2], [1, 2, math.nan], [[1, 2, 3]], "abc", None, 1.0, ["1", "2", "3"]]
)
def test_bad_vectors_are_refused(place: int, wrong: object) -> None:
    given_vectors: list[object] = [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
    given_vectors[place] = wrong
    with pytest.raises(GeometryError, match=("position", "scale", "rotation")[place]):
        Cube3d("x", *given_vectors)  # type: ignore[arg-type]


def test_cuboids_compare_exactly_and_by_distance() -> None:
    one = Cube3d("x", [0, 0, 0], [1, 1, 1], [0, 0, 0])
    assert one == Cube3d("x", [-0.0, 0, 0], [1, 1, 1], [0, -0.0, 0])
    assert hash(one) == hash(Cube3d("x", [-0.0, 0, 0], [1, 1, 1], [0, -0.0, 0]))
    near = Cube3d("x", [0.1, 0, 0], [1, 1, 1], [0, 0, 0.1])
    assert one != near
    assert one.is_close(near, atol=0.1)
    assert not one.is_close(near, atol=0.05)
