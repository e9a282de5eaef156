"""Ellipses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from strategies import ellipses

from dlgeom.definitions import Ellipse
from dlgeom.errors import GeometryError


def test_bounds_of_the_documented_example() -> None:
    ellipse = Ellipse(10, 20, 5, 3, 30, "x")
    assert ellipse.bounds == pytest.approx((5.417424, 16.394449, 14.582576, 23.605551), abs=5e-7)
    assert (ellipse.left, ellipse.top, ellipse.right, ellipse.bottom) == ellipse.bounds
    assert ellipse.width == ellipse.right - ellipse.left
    assert (ellipse.x, ellipse.y, ellipse.rx, ellipse.ry, ellipse.angle) == (10, 20, 5, 3, 30)
    assert ellipse.center == (10, 20)


def test_geo_has_centre_axes_and_angle_in_degrees_and_radians() -> None:
    geo = Ellipse(10, 20, 5, 3, 90, "x").geo
    assert geo.shape == (3, 2)
    assert geo[:2].tolist() == [[10, 20], [5, 3]]
    assert geo[2].tolist() == [90, math.pi / 2]


@given(ellipses(max_rows=1))
def test_bounds_follow_the_formula(rows: np.ndarray) -> None:
    x, y, rx, ry, angle = rows[0].tolist()
    a = math.radians(angle)
    half_w = math.hypot(rx * math.cos(a), ry * math.sin(a))
    half_h = math.hypot(rx * math.sin(a), ry * math.cos(a))
    expected = (x - half_w, y - half_h, x + half_w, y + half_h)
    ellipse = Ellipse(x, y, rx, ry, angle, "x")
    assert ellipse.bounds == pytest.approx(expected, abs=1e-9)
    assert ellipse.area == math.pi * rx * ry


@given(ellipses(max_rows=1))
def test_quarter_turns_exchange_the_sides(rows: np.ndarray) -> None:
    x, y, rx, ry, _ = rows[0].tolist()
    assert Ellipse(x, y, rx, ry, 0, "x").bounds == (x - rx, y - ry, x + rx, y + ry)
    for angle in (90, -90, 270, 450):
        assert Ellipse(x, y, rx, ry, angle, "x").bounds == (x - ry, y - rx, x + ry, y + rx)


def test_huge_angles_are_angles() -> None:
    assert Ellipse(0, 0, 5, 3, 360 * 1e12, "x").bounds == (-5, -3, 5, 3)
    assert all(map(math.isfinite, Ellipse(0, 0, 5, 3, 1e300, "x").bounds))


def test_angles_a_turn_apart_are_not_the_same_value() -> None:
    assert Ellipse(0, 0, 5, 3, 0, "x") != Ellipse(0, 0, 5, 3, 360, "x")
    assert Ellipse(0, 0, 5, 3, 0, "x").is_close(Ellipse(0.1, 0, 5, 3.1, 0.1, "x"), atol=0.11)
    assert not Ellipse(0, 0, 5, 3, 0, "x").is_close(Ellipse(0, 0, 5, 3, 1, "x"), atol=0.9)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("wrong", [math.nan, math.inf, None, "1", True, [1]])
def test_what_is_no_number_is_refused(place: int, wrong: object) -> None:
    numbers: list[object] = [10, 20, 5, 3, 30]
    numbers[place] = wrong
    with pytest.raises(GeometryError, match=("x", "y", "rx", "ry", "angle")[place]):
        Ellipse(*numbers, "x")  # type: ignore[arg-type]


def test_negative_axes_are_refused_and_zero_has_no_area() -> None:
    with pytest.raises(GeometryError, match=r"rx is -5\.0; semi-axes are >= 0"):
        Ellipse(10, 20, -5, 3, 30, "x")
    assert Ellipse(10, 20, 0, 3, 0, "x").area == 0
    assert Ellipse(10, 20, 0, 3, 0, "x").bounds == (10, 17, 10, 23)
