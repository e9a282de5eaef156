"""Measures of rings: laws, and agreement with shapely."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import polygons, rings, simple_rings

from dlgeom.definitions import Polygon
from dlgeom.geometry import rings as measures
from dlgeom.geometry.ragged import Rings, offsets_of

Floats = NDArray[np.float64]
Parts = list[list[Floats]]

SQUARE = np.array([[2.0, 2.0], [6.0, 2.0], [6.0, 6.0], [2.0, 6.0]])


def pack(many: list[Floats]) -> tuple[Floats, NDArray[np.int64]]:
    return np.concatenate([np.zeros((0, 2)), *many]), offsets_of([len(ring) for ring in many])


def one_area(ring: Floats) -> float:
    return float(measures.signed_areas(*pack([ring]))[0])


def test_clockwise_on_the_screen_is_positive() -> None:
    assert one_area(SQUARE) == 16
    assert one_area(SQUARE[::-1]) == -16


@given(st.lists(simple_rings(), min_size=1, max_size=5))
def test_area_is_that_of_shapely(many: list[Floats]) -> None:
    areas = measures.signed_areas(*pack(many))
    for ring, area in zip(many, areas, strict=True):
        assert abs(area) == pytest.approx(shapely.Polygon(ring).area, rel=1e-12)
        # Clockwise with y down is counter-clockwise with y up, as shapely has it.
        assert (area > 0) == shapely.is_ccw(shapely.LinearRing(ring))


@given(rings())
def test_reversing_a_ring_negates_its_area(ring: Floats) -> None:
    assert one_area(ring[::-1]) == pytest.approx(-one_area(ring), abs=1e-9)


@given(rings(), st.integers(0, 11))
def test_area_does_not_depend_on_the_first_vertex(ring: Floats, turn: int) -> None:
    assert one_area(np.roll(ring, turn, axis=0)) == pytest.approx(one_area(ring), abs=1e-9)


def test_small_ring_far_away_keeps_its_digits() -> None:
    assert one_area(SQUARE / 4 + 2.0**23) == 1.0


def test_rings_without_area_or_vertices_have_none() -> None:
    many = [np.zeros((0, 2)), SQUARE, SQUARE[:1], SQUARE[:2], np.zeros((0, 2))]
    assert measures.signed_areas(*pack(many)).tolist() == [0, 16, 0, 0, 0]
    assert measures.signed_areas(*pack([])).tolist() == []
    assert measures.signed_areas(*pack([np.zeros((0, 2))])).tolist() == [0]


@given(st.lists(st.one_of(rings(), st.just(np.zeros((0, 2)))), max_size=6))
def test_bounds_are_least_and_greatest(many: list[Floats]) -> None:
    found = measures.bounds(*pack(many))
    assert found.shape == (len(many), 4)
    for ring, row in zip(many, found, strict=True):
        if len(ring):
            assert row.tolist() == [*ring.min(axis=0), *ring.max(axis=0)]
        else:
            assert np.isnan(row).all()


@given(st.lists(rings(), min_size=3, max_size=5))
def test_slice_of_offsets_measures_its_rings_only(many: list[Floats]) -> None:
    xy, offsets = pack(many)
    inner = offsets[1:3]
    assert np.array_equal(measures.bounds(xy, inner), measures.bounds(xy, offsets)[1:2])
    whole = measures.signed_areas(xy, offsets)
    assert np.array_equal(measures.signed_areas(xy, inner), whole[1:2])
    dropped, fresh = measures.drop_closing(xy, inner)
    expected, _ = measures.drop_closing(many[1], np.array([0, len(many[1])]))
    # Nothing to drop: the arrays come back as they are.
    assert np.array_equal(dropped[fresh[0] : fresh[1]], expected)


def opened(ring: Floats) -> Floats:
    if (ring == ring[:1]).all():
        return ring[:3]
    while (ring[0] == ring[-1]).all():
        ring = ring[:-1]
    return ring


@given(
    st.lists(
        st.one_of(rings(), st.just(np.zeros((0, 2)))).flatmap(
            lambda ring: st.integers(0, 3).map(lambda k: np.concatenate([ring, *[ring[:1]] * k]))
        ),
        max_size=6,
    )
)
def test_closing_vertices_are_dropped_and_nothing_else(many: list[Floats]) -> None:
    xy, offsets = measures.drop_closing(*pack(many))
    for index, ring in enumerate(many):
        assert np.array_equal(xy[offsets[index] : offsets[index + 1]], opened(ring))
    assert offsets[-1] == len(xy)
    again = measures.drop_closing(xy, offsets)
    assert np.array_equal(again[0], xy)
    assert np.array_equal(again[1], offsets)
    # Shapes do the same.
    for ring in many:
        if len(opened(ring)) > 2:
            shape = Polygon(ring, None)
            assert np.array_equal(shape.geo, opened(ring))
            assert Polygon(shape.geo, None) == shape


def test_open_rings_come_back_as_they_are() -> None:
    xy, offsets = pack([SQUARE, SQUARE + 3, SQUARE[:1]])
    dropped = measures.drop_closing(xy, offsets)
    assert dropped[0] is xy
    assert dropped[1] is offsets


@given(st.lists(st.one_of(st.none(), polygons()), max_size=4))
def test_rows_measure_as_multipolygons_of_shapely(rows: list[Parts | None]) -> None:
    outline = Rings.of(rows)
    areas, boxes = measures.row_areas(outline), measures.row_bounds(outline)
    for parts, area, box in zip(rows, areas, boxes, strict=True):
        if parts is None:
            assert area == 0
            assert np.isnan(box).all()
            continue
        shape = shapely.MultiPolygon([(part[0], part[1:]) for part in parts])
        assert shape.is_valid
        assert area == pytest.approx(shape.area, rel=1e-9)
        assert tuple(box) == shape.bounds
