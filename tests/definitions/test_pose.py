"""Poses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import coordinates

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


# Joined and split.

names = st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=5, unique=True)


@given(names, st.data())
def test_points_of_a_pose_join_into_the_pose_in_any_order(
    template: list[str], data: st.DataObject
) -> None:
    points = [
        Point(data.draw(coordinates()), k, name, visibility=data.draw(st.sampled_from([0, 1, 2])))
        for k, name in enumerate(template)
    ]
    edges = [(0, len(points) - 1)]
    pose = Pose("x", "t", "i", {"k": 1}, points, "words", skeleton=edges)
    mixed = data.draw(st.permutations(pose.points))
    again = Pose.from_points(
        mixed, "x", "t", "i", {"k": 1}, "words", names=template, skeleton=edges
    )
    assert again == pose
    by_name = [(template[0], template[-1])]
    assert Pose.from_points(pose.points, "x", names=template, skeleton=by_name).skeleton == tuple(
        edges
    )


def test_a_key_point_without_a_point_is_not_labelled() -> None:
    pose = Pose.from_points([POINTS[1]], "x", names=["eye", "nose", "ear"])
    assert pose.names == ("eye", "nose", "ear")
    assert pose.keypoints.tolist() == [[0, 0, 0], [5, 1, 2], [0, 0, 0]]
    assert pose.points[1] is POINTS[1]
    assert pose.bounds == (5, 1, 5, 1)


def test_without_a_template_points_keep_their_order() -> None:
    pose = Pose.from_points(reversed(POINTS), "x", skeleton=[("ear", 1)])
    assert pose.points == tuple(reversed(POINTS))
    assert pose.skeleton == ((0, 1),)
    assert Pose.from_points([], "x").points == ()


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        ([Point(1, 2, "tail")], {"names": ["eye"]}, "point 0 .* the template has eye"),
        ([Point(1, 2, "eye")] * 2, {"names": ["eye"]}, "two points are 'eye'"),
        ([], {"names": ["eye", "eye"]}, "hold one twice"),
        ([Point(1, 2, "eye")], {"skeleton": [("eye", "tail")]}, "the skeleton names 'tail'"),
        ([Point(1, 2, "eye")], {"skeleton": [(0, 1)]}, r"edge \(0, 1\)"),
        ([(1, 2)], {"names": ["eye"]}, "point 0"),
    ],
)
def test_what_does_not_join_is_refused(points: list, options: dict, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        Pose.from_points(points, "x", **options)


@pytest.mark.parametrize("skeleton", [None, [5], [(0.5, 1)], [(0, 1, 2)], ["ab"]])
def test_a_skeleton_is_a_list_of_edges(skeleton: object) -> None:
    with pytest.raises(GeometryError, match="list of edges"):
        Pose("x", "t", points=POINTS, skeleton=skeleton)  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="list of Point"):
        Pose("x", "t", points=5)  # type: ignore[arg-type]
