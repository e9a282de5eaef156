"""Coordinates of any size: a shape, or an error of ours; no warning, no other exception."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from dlgeom import conversions
from dlgeom.conversions.dispatch import TARGETS
from dlgeom.definitions import Box, Cube, Definition, Ellipse, Note, Point, Polygon, Polyline, Pose
from dlgeom.errors import DlgeomError

CORNERS = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1], [0.5, 0]])
SIZES = (5e-324, 1e-320, 1e-200, 1e-12, 1e7, 1e30, 1e70, 1e150, 1e200, 1.7e308)


def shapes(size: float) -> list[Definition]:
    points, half = CORNERS * size, size / 2
    keys = [Point(x, y, "k") for x, y in points.tolist()]
    return [
        Polygon(points, "x"),
        Polygon.from_parts([[points, points / 2], [points]], "x"),
        Polyline(points, "x"),
        Box(-size, -size, size, size, "x"),
        Box(-half, -half, half, half, "x", angle=30),
        Ellipse(0, 0, size, half, 30, "x"),
        Cube.from_points(np.vstack([points[:4] / 2, points[:4] / 4]), "x"),
        Point(size, size, "x"),
        Pose("x", "t", points=keys, skeleton=[(0, 1), (1, 2)]),
        Note(-size, -size, size, size, "x"),
    ]


@pytest.mark.parametrize("size", SIZES)
def test_each_conversion_is_a_finite_shape_or_our_error(size: float) -> None:
    thick = min(size, 100.0)  # discs of more pixels have many vertices
    for shape in shapes(size):
        for target in TARGETS:
            options: dict[str, Any] = {"shape": (8, 8)} if target == "segmentation" else {}
            for more in ({}, {"width": thick, "radius": 1.0}):
                with suppress(DlgeomError):
                    found = conversions.convert(shape, target, **options, **more)
                    assert np.isfinite(found.bounds).all()


@pytest.mark.parametrize("size", SIZES)
def test_each_method_of_polygons_answers_or_raises_our_error(size: float) -> None:
    for polygon in shapes(size)[:2]:
        assert isinstance(polygon, Polygon)
        asked: list[Callable[[], Any]] = [
            polygon.validity,
            polygon.repair,
            polygon.orient,
            lambda p=polygon: p.contains([[0, 0], [1e308, 0]]),
            lambda p=polygon: p | Box(0, 0, 1, 1),
            lambda p=polygon: p.clip((0, 0, size / 2, size / 2)),
            lambda p=polygon: p.clip((0, 0, 0, size)),
            lambda p=polygon: p.resample(20),
            lambda p=polygon: p.resample(30, keep_corners=True),
            lambda p=polygon: p.simplify(size / 10),
            lambda p=polygon: p.simplify(min_iou=0.8),
            lambda p=polygon: p.simplify(vertices=3 * len(p.rings)),
            lambda p=polygon: p.simplify(vertices=30),
            lambda p=polygon: p.buffer(1.0),
            lambda p=polygon: p.buffer(-size / 10),
            polygon.hull,
            polygon.rotated_box,
            lambda p=polygon: (p.centroid, p.area, p.perimeter),
            lambda p=polygon: p.is_clockwise,
            lambda p=polygon: conversions.fit_ellipse(p),
        ]
        for ask in asked:
            with suppress(DlgeomError):
                found = ask()
                if isinstance(found, Polygon):
                    assert np.isfinite(found.bounds).all()
