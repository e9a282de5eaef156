"""Poses."""

from __future__ import annotations

import numpy as np
import pytest

from dlgeom.definitions import Point, Pose
from dlgeom.errors import GeometryError

POINTS = [Point(1, 2, "eye", visibility=1), Point(5, 1, "nose"), Point(9, 9, "ear", visibility=0)]


def test_bounds_are_those_of_the_labelled_points() -> None:
    pose = Pose("x", "t", points=POINTS)
    assert pose.bounds == (1, 1, 5, 2)
    assert pose.geo.tolist() == [[1, 2], [5, 1], [9, 9]]
    assert pose.keypoints[:, 2].tolist() == [1, 2, 0]
    assert pose.names == ("eye", "nose", "ear")
    assert pose.points == tuple(POINTS)


def test_a_view_on_columns_makes_its_points_when_asked() -> None:
    xyv = np.array([[1.0, 2, 1], [5, 1, 2], [9, 9, 3]])
    pose = Pose._view(xyv, ("eye", "nose"), ((0, 1),), "x", {})
    assert pose.names == ("eye", "nose", "2")
    assert [point.visibility for point in pose.points] == [1, 2, 2]
    assert pose.points is pose.points
    same = Pose("x", None, points=pose.points, skeleton=[(0, 1)])
    assert same.label == pose.label
    assert same.names == pose.names


def test_edges_name_points() -> None:
    pose = Pose("x", "t", points=POINTS, skeleton=[(0, 1), (1, 2)])
    assert pose.skeleton == ((0, 1), (1, 2))
    with pytest.raises(GeometryError, match=r"edge \(1, 3\)"):
        Pose("x", "t", points=POINTS, skeleton=[(1, 3)])


def test_points_are_points() -> None:
    with pytest.raises(GeometryError, match="point 1"):
        Pose("x", "t", points=[POINTS[0], (1, 2)])  # type: ignore[list-item]


def test_template_and_instance_count_in_comparisons() -> None:
    assert Pose("x", "t", "1", points=POINTS) == Pose("x", "t", "1", points=POINTS)
    assert Pose("x", "t", "1", points=POINTS) != Pose("x", "t", "2", points=POINTS)
    assert Pose("x", "t", points=POINTS) != Pose("x", "t", points=POINTS[::-1])
