"""Ellipses of regions and through points."""

from __future__ import annotations

from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outline_strategies import some, valid_outlines
from skimage.measure import EllipseModel, regionprops
from strategies import ellipses as drawn
from strategies import masks

from dlgeom.errors import GeometryError
from dlgeom.geometry import contours, ellipses, fitting

Parts = list[list[np.ndarray]]


@some
@given(masks(16, allow_empty=False))
def test_moments_are_those_of_the_pixels(mask: np.ndarray) -> None:
    area, centre, spread = fitting.moments(contours.trace(mask).row(0))
    row, column = np.nonzero(mask)
    points = np.column_stack((column, row)) + 0.5
    assert area == pytest.approx(mask.sum())
    assert centre == pytest.approx(points.mean(axis=0))
    # A pixel is a square: 1/12 more than its centre along each axis.
    expected = np.cov(points.T, bias=True) + np.eye(2) / 12
    assert np.allclose(spread, expected, atol=1e-9)


@some
@given(masks(16, allow_empty=False))
def test_the_ellipse_of_a_region_has_its_area_and_direction(mask: np.ndarray) -> None:
    x, y, rx, ry, angle = fitting.ellipse_of_region(contours.trace(mask).row(0)).tolist()
    assert np.pi * rx * ry == pytest.approx(mask.sum())
    assert rx >= ry > 0
    assert -90 <= angle < 90
    found = regionprops(mask.astype(np.uint8))[0]
    assert (y - 0.5, x - 0.5) == pytest.approx(found.centroid)
    # skimage takes pixels as points: the area of their squares adds 1/12 along each axis.
    large, small = np.sort(found.inertia_tensor_eigvals)[::-1] + 1 / 12
    assert (rx / ry) ** 2 == pytest.approx(large / small)
    if rx / ry > 1.001:
        turned = -found.orientation + np.pi / 2  # from the row axis, counter-clockwise
        assert abs(np.sin(np.deg2rad(angle) - turned)) < 1e-4


@some
@given(drawn(max_rows=1, flat=False))
def test_the_outline_of_an_ellipse_gives_it_back(rows: np.ndarray) -> None:
    x, y, rx, ry, angle = rows[0].tolist()
    found = fitting.ellipse_of_region([[ellipses.outline(rows[0])]])
    long, short = max(rx, ry), min(rx, ry)
    assert found[:2] == pytest.approx([x, y], abs=1e-6)
    assert long - 0.05 <= found[2] <= long + 1e-6
    assert short - 0.05 <= found[3] <= short + 1e-6
    if long / short > 1.001:
        expected = np.deg2rad(angle if rx >= ry else angle + 90)
        assert abs(np.sin(np.deg2rad(found[4]) - expected)) < 1e-4


@some
@given(drawn(max_rows=1, flat=False), st.integers(5, 40), st.floats(0, 6))
def test_points_on_an_ellipse_give_it_back(rows: np.ndarray, count: int, start: float) -> None:
    x, y, rx, ry, angle = rows[0].tolist()
    if max(rx, ry) / min(rx, ry) > 50:
        return
    t = start + np.arange(count) * (2 * np.pi / count)
    a = np.deg2rad(angle)
    points = np.column_stack(
        (
            x + rx * np.cos(t) * np.cos(a) - ry * np.sin(t) * np.sin(a),
            y + rx * np.cos(t) * np.sin(a) + ry * np.sin(t) * np.cos(a),
        )
    )
    found = fitting.ellipse_through(points)
    size = max(rx, ry)
    assert found[:2] == pytest.approx([x, y], abs=1e-4 * size)
    assert sorted(found[2:4]) == pytest.approx(sorted([rx, ry]), abs=1e-4 * size)


@some
@given(st.integers(0, 10_000))
def test_noisy_points_are_fitted_as_others_fit_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    points = np.column_stack((60 + 30 * np.cos(t), 50 + 18 * np.sin(t)))
    points += rng.normal(0, 0.5, points.shape)
    x, y, rx, ry, _ = fitting.ellipse_through(points).tolist()
    (cx, cy), size, _ = cv2.fitEllipseDirect(points.astype(np.float32))
    assert (x, y) == pytest.approx((cx, cy), abs=0.02)
    assert sorted((rx, ry)) == pytest.approx(sorted(np.array(size) / 2), abs=0.05)
    model = EllipseModel.from_estimate(points)
    assert (x, y) == pytest.approx(model.center, abs=1e-3)
    assert sorted((rx, ry)) == pytest.approx(sorted(model.axis_lengths), abs=1e-3)


@some
@given(valid_outlines())
def test_outlines_with_area_have_ellipses(parts: Parts) -> None:
    found = fitting.ellipse_of_region(parts)
    assert np.isfinite(found).all()
    assert (found[2:4] > 0).all()


def test_what_has_no_ellipse_is_refused() -> None:
    line = np.column_stack((np.arange(9.0), np.arange(9.0)))
    hyperbola = np.array([[k, 1 / k] for k in (0.1, 0.2, 0.5, 1, 2, 5, 10, -1, -2, -0.1)])
    for points in (line[:4], line, np.zeros((9, 2)), np.zeros((9, 3)), [[np.nan, 1]] * 9):
        with pytest.raises(GeometryError):
            fitting.ellipse_through(points)
    with suppress(GeometryError):  # some ellipse fits best, or none does
        assert np.isfinite(fitting.ellipse_through(hyperbola)).all()
    with pytest.raises(GeometryError, match="no area"):
        fitting.moments([[line]])


def test_far_and_tiny_ellipses_keep_their_digits() -> None:
    for row in ([1e6, -1e6, 30, 10, 40], [0, 0, 1e-3, 5e-4, -30], [0, 0, 1e7, 1e6, 10]):
        ring = ellipses.outline([0, 0, 1, row[3] / row[2], row[4]], distance=1e-4)
        found = fitting.ellipse_of_region([[ring * row[2] + row[:2]]])
        assert found[:2] == pytest.approx(row[:2], abs=1e-6 * row[2])
        assert found[2:] == pytest.approx(row[2:], rel=1e-3)
