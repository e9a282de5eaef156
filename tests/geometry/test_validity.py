"""Validity: what shapely says, with the ring and the place."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from outline_strategies import any_outlines, shapely_of, some

from dlgeom.errors import GeometryError
from dlgeom.geometry import validity

Parts = list[list[np.ndarray]]


def square(left: float, top: float, side: float) -> np.ndarray:
    return np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]) * side + [left, top]


BIG = square(0, 0, 10)
FAULTS = {
    "too_few_points": ([[np.array([[0.0, 0], [1, 1], [0, 0], [1, 1]])]], 0, 0),
    "flat": ([[BIG], [np.array([[20.0, 0], [21, 1], [22, 2]])]], 1, 0),
    "self_intersection": ([[BIG], [np.array([[20.0, 0], [24, 4], [24, 0], [20, 4]])]], 1, 0),
    "ring_self_intersection": (
        [[np.array([[0.0, 0], [4, 0], [2, 2], [4, 4], [0, 4], [2, 2]])]],
        0,
        0,
    ),
    "duplicate_rings": ([[BIG, square(1, 1, 2), np.roll(square(1, 1, 2), 1, axis=0)[::-1]]], 0, 2),
    "hole_outside": ([[BIG, square(1, 1, 2), square(20, 0, 2)]], 0, 2),
    "hole_crosses_exterior": ([[BIG, square(1, 1, 2), square(8, 8, 4)]], 0, 2),
    "holes_overlap": ([[BIG, square(1, 1, 3), square(2, 2, 3)]], 0, 2),
    "holes_nested": ([[BIG, square(1, 1, 6), square(2, 2, 3)]], 0, None),
    "interior_disconnected": (
        [[BIG, np.array([[5.0, 0], [8, 5], [5, 10], [2, 5]])]],
        0,
        1,
    ),
    "parts_nested": ([[BIG], [square(1, 1, 2)]], 1, 0),
    "parts_overlap": ([[BIG], [square(20, 0, 2)], [square(9, 9, 4)]], 2, 0),
}


@pytest.mark.parametrize("reason", FAULTS)
def test_each_fault_has_its_reason_and_ring(reason: str) -> None:
    parts, part, ring = FAULTS[reason]
    found = validity.check(parts)
    assert not found
    assert (found.valid, found.reason, found.part) == (False, reason, part)
    assert ring is None or found.ring == ring
    assert validity.REASONS[reason] in found.message
    # The place is on the ring that is blamed.
    assert found.place is not None
    assert found.part is not None
    assert found.ring is not None
    blamed = shapely.LineString(np.vstack((parts[part][found.ring], parts[part][found.ring][:1])))
    assert shapely.distance(blamed, shapely.Point(found.place)) < 1e-9


def test_the_reasons_are_all_tested() -> None:
    assert set(FAULTS) == set(validity.REASONS) - {"invalid"}


@some
@given(any_outlines())
def test_validity_is_that_of_shapely(parts: Parts) -> None:
    found = validity.check(parts)
    assert found.valid == shapely.is_valid(shapely_of(parts))
    assert bool(found) == found.valid
    if found.valid:
        assert found == validity.VALID
        assert found.message == "the polygon is valid"
        return
    assert found.part is not None
    assert found.ring is not None
    ring = parts[found.part][found.ring]
    assert found.place is not None
    line = shapely.LineString(np.vstack((ring, ring[:1])))
    if found.reason != "holes_nested":  # GEOS names a vertex of either
        assert shapely.distance(line, shapely.Point(found.place)) < 1e-6


@some
@given(any_outlines(max_parts=1, max_rings=1))
def test_reasons_of_one_ring_are_those_of_shapely(parts: Parts) -> None:
    said = shapely.is_valid_reason(shapely.Polygon(parts[0][0]))
    words = {
        "self_intersection": "Self-intersection[",
        "ring_self_intersection": "Ring Self-intersection[",
        None: "Valid Geometry",
    }
    reason = validity.check(parts).reason
    assert reason in {"flat", "too_few_points"} or said.startswith(words[reason])
    if reason == "too_few_points":
        assert len(np.unique(parts[0][0], axis=0)) < 3


def test_coordinates_that_are_too_large_are_refused() -> None:
    with pytest.raises(GeometryError, match="Scale or correct"):
        validity.check([[BIG * 1e300]])
