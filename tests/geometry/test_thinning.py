"""Leaving out vertices one by one."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from outline_strategies import any_outlines, shapely_of, some, valid_outlines
from strategies import masks, simple_rings

from dlgeom.geometry import contours, thinning

Parts = list[list[np.ndarray]]


def flat(parts: Parts) -> list[np.ndarray]:
    return [ring for part in parts for ring in part]


@some
@given(valid_outlines())
def test_each_step_leaves_a_valid_outline(parts: Parts) -> None:
    order = thinning.removal_order(parts)
    assert len(np.unique(order)) == len(order)
    for count in range(len(order) + 1):
        found = thinning.without(parts, order[:count])
        assert sum(map(len, flat(found))) == sum(map(len, flat(parts))) - count
        assert [len(part) for part in found] == [len(part) for part in parts]
        assert min(map(len, flat(found))) >= 3


@some
@given(masks(10, allow_empty=False))
def test_outlines_of_masks_stay_valid_at_each_step(mask: np.ndarray) -> None:
    parts = contours.trace(mask).row(0)
    order = thinning.removal_order(parts)
    for count in range(0, len(order) + 1, 3):
        assert shapely.is_valid(shapely_of(thinning.without(parts, order[:count])))
    assert shapely.is_valid(shapely_of(thinning.without(parts, order)))


@some
@given(simple_rings(max_points=20))
def test_a_simple_ring_goes_down_to_three(ring: np.ndarray) -> None:
    order = thinning.removal_order([[ring]])
    assert len(order) == len(ring) - 3
    for count in range(len(order) + 1):
        assert shapely.Polygon(thinning.without([[ring]], order[:count])[0][0]).is_valid


@some
@given(simple_rings(max_points=12))
def test_the_first_to_go_has_the_smallest_triangle(ring: np.ndarray) -> None:
    if len(ring) < 4:
        return
    first = int(thinning.removal_order([[ring]])[0])

    def area(k: int) -> float:
        return shapely.Polygon(ring[[k - 1, k, (k + 1) % len(ring)]]).area

    def stays_simple(k: int) -> bool:
        return bool(shapely.Polygon(np.delete(ring, k, axis=0)).is_valid)

    least = min(area(k) for k in range(len(ring)) if stays_simple(k))
    assert area(first) <= least + 1e-9


@some
@given(any_outlines())
def test_any_outline_goes_down_to_three_a_ring_where_crossing_is_no_matter(parts: Parts) -> None:
    found = thinning.without(parts, thinning.removal_order(parts, crossing=True))
    assert {len(ring) for ring in flat(found)} == {3}


def test_straight_vertices_go_first_and_change_nothing() -> None:
    side = np.linspace(0, 7, 8)
    ring = np.concatenate(
        [
            np.column_stack((side, side * 0)),
            np.column_stack((side * 0 + 8, side)),
            np.column_stack((8 - side, side * 0 + 8)),
            np.column_stack((side * 0, 8 - side)),
        ]
    )
    order = thinning.removal_order([[ring]])
    square = thinning.without([[ring]], order[:28])[0][0]
    assert sorted(map(tuple, square.tolist())) == [(0, 0), (0, 8), (8, 0), (8, 8)]


def test_a_hole_near_the_border_is_in_the_way() -> None:
    square = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])
    hole = np.array([[5, 0.1], [9.9, 9], [0.1, 9]])
    assert len(thinning.removal_order([[square, hole]])) == 0
    assert len(thinning.removal_order([[square]])) == 1


def test_a_large_ring_takes_no_time() -> None:
    rng = np.random.default_rng(0)
    turns = np.arange(20_000) * (2 * np.pi / 20_000)
    radius = 1000 + np.cumsum(rng.normal(size=20_000)) / 10
    ring = np.column_stack((np.cos(turns), np.sin(turns))) * radius[:, None]
    assert len(thinning.removal_order([[ring]])) == 19_997
