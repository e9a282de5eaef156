"""Layouts of boxes: laws."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import boxes

from dlgeom.geometry import boxes as layouts
from dlgeom.geometry import rings

Floats = NDArray[np.float64]


def test_layouts_of_one_box_agree() -> None:
    xyxy = [[2.0, 1.0, 6.0, 4.0]]
    assert layouts.xyxy_to_xywh(xyxy).tolist() == [[2, 1, 4, 3]]
    assert layouts.xyxy_to_cxcywh(xyxy).tolist() == [[4, 2.5, 4, 3]]
    assert layouts.xywh_to_xyxy([[2, 1, 4, 3]]).tolist() == xyxy
    assert layouts.cxcywh_to_xyxy([[4, 2.5, 4, 3]]).tolist() == xyxy


@given(boxes())
def test_layouts_come_back(rows: Floats) -> None:
    assert np.allclose(layouts.xywh_to_xyxy(layouts.xyxy_to_xywh(rows)), rows, atol=1e-12)
    assert np.allclose(layouts.cxcywh_to_xyxy(layouts.xyxy_to_cxcywh(rows)), rows, atol=1e-12)


@given(boxes())
def test_layouts_leave_their_argument_alone(rows: Floats) -> None:
    before = rows.copy()
    rows.flags.writeable = False
    for turn in (
        layouts.xywh_to_xyxy,
        layouts.xyxy_to_xywh,
        layouts.cxcywh_to_xyxy,
        layouts.xyxy_to_cxcywh,
    ):
        assert turn(rows).flags.writeable
    layouts.clip(rows, 10, 10)
    assert np.array_equal(rows, before)


@given(boxes(), st.integers(1, 40), st.integers(1, 40))
def test_clipped_box_is_the_part_inside_the_image(rows: Floats, width: int, height: int) -> None:
    found = layouts.clip(rows, width, height)
    assert (found[:, 0] <= found[:, 2]).all()
    assert (found[:, 1] <= found[:, 3]).all()
    assert (found >= 0).all()
    assert (found <= [width, height, width, height]).all()
    inside = (rows >= 0).all(axis=1) & (rows <= [width, height, width, height]).all(axis=1)
    assert np.array_equal(found[inside], rows[inside])
    assert np.array_equal(layouts.clip(found, width, height), found)


def test_each_box_is_clipped_to_its_own_image() -> None:
    rows = [[-5.0, -5.0, 50.0, 50.0]] * 2
    assert layouts.clip(rows, [10, 20], [30, 40]).tolist() == [[0, 0, 10, 30], [0, 0, 20, 40]]


@given(boxes())
def test_ring_of_a_box_is_clockwise_with_its_bounds_and_area(rows: Floats) -> None:
    corners = layouts.box_rings(rows)
    assert corners.shape == (len(rows), 4, 2)
    assert np.array_equal(corners[:, 0], rows[:, :2])
    assert np.array_equal(corners[:, 2], rows[:, 2:])
    offsets = np.arange(len(rows) + 1) * 4
    xy = corners.reshape(-1, 2)
    assert np.array_equal(rings.bounds(xy, offsets), rows)
    sizes = layouts.xyxy_to_xywh(rows)[:, 2:]
    assert np.allclose(rings.signed_areas(xy, offsets), sizes.prod(axis=1))


def test_no_boxes_are_no_boxes() -> None:
    nothing = np.zeros((0, 4))
    assert layouts.xywh_to_xyxy(nothing).shape == (0, 4)
    assert layouts.clip(nothing, 5, 5).shape == (0, 4)
    assert layouts.box_rings(nothing).shape == (0, 4, 2)
