"""Boxes."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from strategies import boxes, masks, rotated_boxes

from dlgeom.definitions import Box, Segmentation
from dlgeom.errors import GeometryError


def test_documented_parameters_come_in_the_documented_order() -> None:
    names = ["left", "top", "right", "bottom", "label", "attributes", "description", "angle"]
    assert list(inspect.signature(Box).parameters)[:8] == names


@given(boxes(max_rows=1))
def test_geometry_of_an_upright_box_is_its_edges(rows: np.ndarray) -> None:
    left, top, right, bottom = rows[0].tolist()
    box = Box(left, top, right, bottom, "x")
    assert box.bounds == (left, top, right, bottom)
    assert box.geo.tolist() == [[left, top], [right, bottom]]
    assert box.area == (right - left) * (bottom - top)
    assert box.corners.tolist() == [[left, top], [right, top], [right, bottom], [left, bottom]]
    assert box.x.tolist() == [left, right]
    assert box.angle is None
    assert box == Box(left, top, right, bottom, "x", angle=0)


@given(rotated_boxes(max_rows=1))
def test_a_rotated_box_keeps_its_numbers(rows: np.ndarray) -> None:
    box = Box.from_rotated(rows[0], "x")
    assert box.rotated == tuple(rows[0].tolist())
    assert (box.width, box.height) == (rows[0, 2], rows[0, 3])
    left, top, right, bottom = box.bounds
    assert np.allclose(box.corners.min(axis=0), (left, top))
    assert np.allclose(box.corners.max(axis=0), (right, bottom))
    assert box.is_rotated


def test_rotation_is_clockwise_on_screen_about_the_centre() -> None:
    box = Box(10, 10, 100, 100, "x", angle=80)
    expected = [[91.5022, 2.8695], [2.8695, 18.4978], [18.4978, 107.1305], [107.1305, 91.5022]]
    assert np.allclose(box.four_points, expected, atol=5e-5)
    assert box.center == (55, 55)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ((3, 0, 1, 1), r"left \(3.0\) is greater than right \(1.0\)"),
        ((0, 3, 1, 1), r"top \(3.0\) is greater than bottom"),
        ((math.nan, 0, 1, 1), "left is nan"),
        ((0, 0, math.inf, 1), "right is inf"),
        ((0, 0, "1", 1), "right is '1'"),
        ((0, 0, True, 1), "right is True"),
        ((0, 0, 1, None), "bottom is None"),
        ((0, 0, 10**400, 1), "right is inf"),
    ],
)
def test_bad_edges_are_refused(edges: tuple[object, ...], message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        Box(*edges, "x")  # type: ignore[arg-type]


def test_a_missing_edge_or_a_bad_angle_is_refused() -> None:
    with pytest.raises(GeometryError, match="left is None"):
        Box()
    with pytest.raises(GeometryError, match="angle is nan"):
        Box(0, 0, 1, 1, angle=math.nan)


def test_numpy_numbers_become_floats() -> None:
    box = Box(np.float32(0.5), np.int64(1), np.array(2), 3)
    assert box == Box(0.5, 1.0, 2.0, 3.0)
    assert all(type(edge) is float for edge in box.bounds)


def test_other_forms_build_the_same_box() -> None:
    assert Box.from_xywh([2, 1, 4, 3], "x") == Box(2, 1, 6, 4, "x")
    assert Box.from_rotated([4, 2.5, 4, 3, 0], "x") == Box(2, 1, 6, 4, "x")
    with pytest.raises(GeometryError, match="expected"):
        Box.from_xywh([1, 2, 3])
    for wrong in ("1234", ["1", "2", "3", "4"], [True] * 4, [[1, 2], [3]]):
        with pytest.raises(GeometryError, match="no array of numbers"):
            Box.from_xywh(wrong)  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="has to be a number"):
        Box.from_xywh([1, 2, 3, None])  # type: ignore[list-item]
    with pytest.raises(GeometryError, match="negative"):
        Box.from_rotated([0, 0, -1, 1, 0])


def test_the_centre_of_huge_edges_is_finite() -> None:
    assert Box(1e308, 0, 1.5e308, 1).center[0] == pytest.approx(1.25e308)


@given(masks(12))
def test_boxes_of_a_mask_are_those_of_its_components(mask: np.ndarray) -> None:
    from skimage.measure import label, regionprops

    expected = sorted(
        (float(region.bbox[1]), float(region.bbox[0]), float(region.bbox[3]), float(region.bbox[2]))
        for region in regionprops(label(mask, connectivity=2))
    )
    found = Box.from_segmentation(mask, "x", {"k": 1})
    assert sorted(box.bounds for box in found) == expected
    assert found == Segmentation(mask, "x", {"k": 1}).to_box()


def test_angles_are_close_around_the_circle() -> None:
    one = Box(0, 0, 4, 2, "x", angle=179.75)
    assert one.is_close(Box(0, 0, 4, 2, "x", angle=-180), atol=0.25)
    assert not one.is_close(Box(0, 0, 4, 2, "x", angle=-180), atol=0.2)
    assert not one.is_close(Box(0, 0, 4, 2, "x", angle=0), atol=100)
