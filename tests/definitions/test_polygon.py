"""Polygons."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from strategies import masks, polygons, rings, simple_rings

from dlgeom.definitions import Polygon, Segmentation
from dlgeom.errors import GeometryError

TRIANGLE = np.array([[0.0, 0], [4, 0], [0, 4]])


@given(polygons())
def test_measures_agree_with_shapely(parts: list[list[np.ndarray]]) -> None:
    polygon = Polygon.from_parts(parts, "x")
    expected = shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in parts])
    assert polygon.area == pytest.approx(expected.area)
    assert polygon.perimeter == pytest.approx(expected.length)
    assert polygon.bounds == expected.bounds
    assert polygon.centroid == pytest.approx(expected.centroid.coords[0])


@given(polygons())
def test_parts_come_back_as_given(parts: list[list[np.ndarray]]) -> None:
    polygon = Polygon.from_parts(parts, "x")
    assert [len(part) for part in polygon.parts] == [len(part) for part in parts]
    flat = [ring for part in parts for ring in part]
    assert all(map(np.array_equal, polygon.rings, flat))
    assert Polygon.from_parts(polygon.parts, "x") == polygon
    assert len(polygon.x) == len(polygon.y) == sum(map(len, flat))


@given(polygons())
def test_rings_read_even_odd_have_the_same_area(parts: list[list[np.ndarray]]) -> None:
    polygon = Polygon.from_parts(parts, "x")
    again = Polygon(polygon.rings, "x")
    assert again.area == pytest.approx(polygon.area)
    assert sorted(len(part) for part in again.parts) == sorted(len(part) for part in parts)


@given(simple_rings())
def test_one_ring_may_be_given_in_many_forms(ring: np.ndarray) -> None:
    polygon = Polygon(ring, "x")
    closed = np.concatenate([ring, ring[:1]])
    for geo in (ring.tolist(), [ring], ring[None], closed, [list(map(tuple, closed))]):
        assert Polygon(geo, "x") == polygon
    assert np.array_equal(polygon.geo, ring)
    assert polygon.parts[0][0] is polygon.geo


def test_the_array_given_stays_apart() -> None:
    ring = TRIANGLE.copy()
    polygon = Polygon(ring, "x")
    ring[0] = 9
    assert np.array_equal(polygon.geo, TRIANGLE)
    assert not polygon.geo.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        polygon.geo[0] = 1


@given(rings())
def test_polygons_that_differ_in_structure_are_not_equal(ring: np.ndarray) -> None:
    if len(np.unique(ring, axis=0)) < 3:  # too few once vertices that close it are gone
        return
    one = Polygon.from_parts([[ring], [TRIANGLE]], "x")
    other = Polygon.from_parts([[ring, TRIANGLE]], "x")
    assert one != other
    assert hash(one) != hash(other)


@pytest.mark.parametrize(
    ("geo", "message"),
    [
        ([], "has no ring"),
        ([[0, 0], [1, 1]], "has 2 vertices"),
        ([[0, 0], [1, 1], [0, 0]], "has 2 vertices"),
        ([[0, 0], [1, 1], [np.nan, 0]], "vertex 2 is"),
        ([[0, 0, 0], [1, 1, 1], [2, 0, 0]], r"expected \(n, 2\)"),
        ([TRIANGLE, [[0, 0], [1, 1]]], "ring 1 has 2"),
        (np.zeros(6), "shape"),
        ([["0", "0"], ["4", "0"], ["0", "4"]], "no array of numbers"),
        (np.array([["0", "0"], ["4", "0"], ["0", "4"]]), "no array of numbers"),
        ([[True, False], [False, False], [True, True]], "no array of numbers"),
        (np.array([[0, 0], [4j, 0], [0, 4]]), "no array of numbers"),
        ([[10**400, 0], [4, 0], [0, 4]], "finite"),
        ([[None, 0], [4, 0], [0, 4]], "has to be a number"),
        (np.zeros((2, 2, 2, 2)), "shape"),
        ([["a", "b"], ["c", "d"], ["e", "f"]], "no array of numbers"),
        (5, "one ring"),
        ([5, 6], "one ring"),
        ([[[0, 0], [1]], TRIANGLE], "no array of numbers"),
    ],
)
def test_bad_rings_are_refused(geo: object, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        Polygon(geo, "x")  # type: ignore[arg-type]


def test_bad_parts_are_refused() -> None:
    with pytest.raises(GeometryError, match="no part"):
        Polygon.from_parts([], "x")
    for parts in (None, 5, "parts", [5]):
        with pytest.raises(GeometryError, match=r"give parts as \[\["):
            Polygon.from_parts(parts, "x")  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="part 1 has no ring"):
        Polygon.from_parts([[TRIANGLE], []], "x")
    with pytest.raises(GeometryError, match="part 0, ring 1 has 1"):
        Polygon.from_parts([[TRIANGLE, TRIANGLE[:1]]], "x")


@given(masks(12))
def test_polygons_of_a_mask_fill_it_exactly(mask: np.ndarray) -> None:
    for source in (mask, Segmentation(mask, "x")):
        found = Polygon.from_segmentation(source, "x", max_instances=None)
        total = np.zeros_like(mask)
        for polygon in found:
            filled = Segmentation.from_polygon(polygon, "x", mask.shape).to_mask()
            assert not (total & filled).any()
            assert filled.sum() == polygon.area
            total |= filled
        assert np.array_equal(total, mask)
        areas = [polygon.area for polygon in found]
        assert areas == sorted(areas, reverse=True)


@given(masks(12))
def test_instances_are_limited_and_small_ones_left_out(mask: np.ndarray) -> None:
    every = Polygon.from_segmentation(mask, "x", max_instances=None)
    assert Polygon.from_segmentation(mask, "x", max_instances=2) == every[:2]
    large = [polygon for polygon in every if polygon.area >= 3]
    assert Polygon.from_segmentation(mask, "x", max_instances=None, min_area=3) == large
    if every:
        assert Polygon.from_segmentation(mask, "x") == every[0]


def test_one_polygon_of_an_empty_mask_is_an_error() -> None:
    with pytest.raises(GeometryError, match="no component"):
        Polygon.from_segmentation(np.zeros((3, 3)), "x")
    with pytest.raises(GeometryError, match="max_instances is 0"):
        Polygon.from_segmentation(np.ones((3, 3)), "x", max_instances=0)
    with pytest.raises(GeometryError, match="shape"):
        Polygon.from_segmentation(np.ones((3, 3, 3)), "x")


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "a", True])
def test_a_number_of_instances_is_whole_and_positive(wrong: object) -> None:
    with pytest.raises(GeometryError, match="max_instances is"):
        Polygon.from_segmentation(np.eye(3), "x", max_instances=wrong)  # type: ignore[arg-type]
    assert len(Polygon.from_segmentation(np.eye(3), "x", max_instances=np.int64(2))) == 1


@pytest.mark.parametrize("wrong", [np.nan, np.inf, "a", -1])
def test_a_distance_and_an_area_are_numbers(wrong: object) -> None:
    with pytest.raises(GeometryError, match="epsilon is"):
        Polygon.from_segmentation(np.eye(3), "x", epsilon=wrong)  # type: ignore[arg-type]
    if wrong != -1:
        with pytest.raises(GeometryError, match="min_area is"):
            Polygon.from_segmentation(np.eye(3), "x", min_area=wrong)  # type: ignore[arg-type]


def test_things_far_apart_in_a_huge_mask_are_outlined_without_it() -> None:
    side = 1 << 20
    mask = Segmentation.from_rle([0, 1, side * side - 2, 1], (side, side), "x")
    found = Polygon.from_segmentation(mask, "x", max_instances=None)
    assert [polygon.bounds for polygon in found] == [
        (0, 0, 1, 1),
        (side - 1, side - 1, side, side),
    ]


def test_a_flat_polygon_has_a_centroid() -> None:
    assert Polygon([[0, 0], [2, 2], [4, 4]], "x").centroid == (2.0, 2.0)
