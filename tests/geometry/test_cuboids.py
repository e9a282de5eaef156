"""Laws of cuboids."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import boxes, cubes

from dlgeom.geometry import cuboids, rotated

angles = st.floats(-7, 7, allow_nan=False)


def _about(axis: int, angle: float) -> np.ndarray:
    """Return the matrix that turns y towards z, z towards x or x towards y."""
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = np.cos(angle)
    matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
    return matrix


@given(hnp.arrays(np.float64, (2, 3), elements=angles))
def test_matrices_turn_about_x_then_the_turned_y_then_the_turned_z(rows: np.ndarray) -> None:
    for matrix, (x, y, z) in zip(cuboids.rotation_matrices(rows), rows, strict=True):
        assert matrix == pytest.approx(_about(0, x) @ _about(1, y) @ _about(2, z), abs=1e-12)
        assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1)


@given(hnp.arrays(np.float64, (3, 3), elements=angles))
def test_matrices_agree_with_scipy(rows: np.ndarray) -> None:
    transform = pytest.importorskip("scipy.spatial.transform")
    expected = transform.Rotation.from_euler("XYZ", rows).as_matrix()
    assert cuboids.rotation_matrices(rows) == pytest.approx(expected, abs=1e-12)


@given(hnp.arrays(np.float64, (4, 3, 3), elements=st.floats(-50, 50)))
def test_corners_of_many_are_those_of_each(rows: np.ndarray) -> None:
    many = cuboids.corners(rows)
    assert many.shape == (4, 8, 3)
    for row, corners in zip(rows, many, strict=True):
        assert cuboids.corners(row)[0] == pytest.approx(corners, abs=1e-9)
        own = (corners - row[0]) @ cuboids.rotation_matrices(row[2])[0]
        assert np.abs(own) == pytest.approx(np.tile(np.abs(row[1]) / 2, (8, 1)), abs=1e-9)


@given(boxes(), st.floats(-720, 720))
def test_turned_boxes_have_the_corners_of_rotated_boxes(rows: np.ndarray, angle: float) -> None:
    found = cuboids.turned_boxes(rows, np.full(len(rows), angle))
    middle, size = (rows[:, :2] + rows[:, 2:]) / 2, rows[:, 2:] - rows[:, :2]
    expected = rotated.corners(np.column_stack((middle, size, np.full(len(rows), angle))))
    assert found == pytest.approx(expected, abs=1e-9)


@given(hnp.arrays(np.float64, (5, 3), elements=st.floats(-50, 50)))
def test_projecting_follows_the_formula(points: np.ndarray) -> None:
    camera = np.array([[100.0, 0, 50, 1], [0, 90, 40, 2], [0, 0, 1, 60]])
    pixels, depths = cuboids.project(points, camera)
    for point, pixel, depth in zip(points, pixels, depths, strict=True):
        seen = camera @ [*point, 1]
        assert depth == pytest.approx(seen[2])
        assert pixel == pytest.approx(seen[:2] / seen[2])


def test_points_at_depth_0_have_no_pixel_and_no_warning() -> None:
    pixels, depths = cuboids.project([[0.0, 0, 0], [1, 1, -1]], np.eye(3))
    assert depths.tolist() == [0, -1]
    assert not np.isfinite(pixels[0]).any()


@given(cubes())
def test_silhouettes_are_convex_hulls(points: np.ndarray) -> None:
    hull = shapely.convex_hull(shapely.multipoints(points))
    ring = cuboids.silhouette(points)
    assert {tuple(point) for point in ring.tolist()} <= {tuple(point) for point in points.tolist()}
    area = cuboids.silhouette_areas(np.stack((points, points)))
    assert area == pytest.approx(np.full(2, hull.area), abs=1e-9)
    if hull.geom_type == "Polygon":
        assert shapely.polygons(ring).equals(hull)
        x, y = (ring - ring[0]).T
        assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0  # clockwise on the screen
    else:
        assert len(ring) < 3


def test_none_at_all_is_fine() -> None:
    assert cuboids.corners(np.zeros((0, 3, 3))).shape == (0, 8, 3)
    assert cuboids.turned_boxes(np.zeros((0, 4)), np.zeros(0)).shape == (0, 4, 2)
    assert cuboids.directions(np.zeros((0, 8, 2))).shape == (0,)
    assert cuboids.silhouette_areas(np.zeros((0, 8, 2))).shape == (0,)
