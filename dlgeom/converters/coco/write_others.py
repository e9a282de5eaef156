"""Shapes without a column, as the nearest thing that a COCO record can say."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["OtherRecord", "other_record"]

MAX_DEVIATION = 0.05
"""Largest distance in pixels between an ellipse and the polygon that stands for it."""


class OtherRecord(msgspec.Struct, kw_only=True):
    """What a shape becomes.

    Parameters
    ----------
    fields : dict
        Geometry fields of the record.
    code : str
        Why it is not the same, "" where it is.
    measure : float
        How much of the geometry is kept, NaN where that means nothing.
    outline : ndarray of float64, shape (n, 2), optional
        The ring that is written.
    dropped : bool
        Whether nothing is written.
    points : int
        Number of keypoints.
    needs_label : bool
        Whether the record has to have a category.
    """

    fields: dict[str, Any]
    code: str = ""
    measure: float = math.nan
    outline: NDArray[np.float64] | None = None
    dropped: bool = False
    points: int = 0
    needs_label: bool = True


def other_record(definition: Any) -> OtherRecord:
    """Return what a COCO record says for a definition that has no column in a chunk."""
    kind = definition.type
    if kind == "item_description":
        return OtherRecord(fields={"caption": definition.text}, needs_label=False)
    if kind == "class":
        return OtherRecord(fields={})
    if kind == "point":
        x, y = float(definition.x), float(definition.y)
        fields = {"keypoints": [x, y, 2], "num_keypoints": 1, "area": 0.0, "iscrowd": 0}
        return OtherRecord(fields=fields, code="geometry.point", points=1)
    if kind == "ellipse":
        ring = _ellipse(definition)
        area = math.pi * float(definition.rx) * float(definition.ry)
        return _polygon(ring, area)
    if kind == "cube":
        ring = _hull(np.asarray(definition.geo, dtype=np.float64).reshape(-1, 2))
        return (
            OtherRecord(fields={}, code="geometry.none", dropped=True)
            if len(ring) < 3
            else _polygon(ring, math.nan)
        )
    if kind in ("polyline", "line"):
        return OtherRecord(fields={}, code="geometry.line", dropped=True)
    if kind in ("note", "box", "ref_image"):
        return _box(definition)
    return OtherRecord(fields={}, code="geometry.none", dropped=True)


def _box(definition: Any) -> OtherRecord:
    left, top, right, bottom = (float(edge) for edge in definition.bounds)
    if not all(math.isfinite(edge) for edge in (left, top, right, bottom)):
        return OtherRecord(fields={}, code="geometry.none", dropped=True)
    fields = {
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": 0,
        "segmentation": [],
    }
    return OtherRecord(fields=fields, code="geometry.box", measure=1.0)


def _polygon(ring: NDArray[np.float64], exact: float) -> OtherRecord:
    """Return the record of a ring that stands for a shape of area `exact` around it."""
    low, high = ring.min(axis=0), ring.max(axis=0)
    following = np.roll(ring, -1, axis=0)
    area = abs(float((ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1]).sum())) / 2
    fields = {
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "area": area,
        "iscrowd": 0,
        "segmentation": [ring.ravel().tolist()],
    }
    measure = min(area / exact, 1.0) if exact > 0 else math.nan
    return OtherRecord(fields=fields, code="geometry.polygon", measure=measure, outline=ring)


def _ellipse(definition: Any) -> NDArray[np.float64]:
    """Return points on an ellipse, no farther than `MAX_DEVIATION` from it in between.

    A chord over an angle 2a of a circle of radius r leaves it by r (1 - cos a).
    """
    x, y = float(definition.x), float(definition.y)
    rx, ry = float(definition.rx), float(definition.ry)
    longest = max(rx, ry, MAX_DEVIATION)
    half = math.acos(1 - min(MAX_DEVIATION / longest, 0.5))
    # A multiple of 4 has the four ends of the axes, so that the extent is right.
    count = 4 * max(3, math.ceil(math.pi / half / 4))
    turn = np.arange(count) * (2 * math.pi / count)
    angle = math.radians(float(definition.angle or 0.0))
    across, down = rx * np.cos(turn), ry * np.sin(turn)
    cos, sin = math.cos(angle), math.sin(angle)
    return np.column_stack((x + across * cos - down * sin, y + across * sin + down * cos))


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the convex hull of points (Andrew's monotone chain), shape (n, 2)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})

    def half(chain: list[tuple[float, float]]) -> list[tuple[float, float]]:
        out: list[tuple[float, float]] = []
        for x, y in chain:
            while len(out) > 1 and (out[-1][0] - out[-2][0]) * (y - out[-2][1]) <= (
                out[-1][1] - out[-2][1]
            ) * (x - out[-2][0]):
                out.pop()
            out.append((x, y))
        return out[:-1]

    return np.array(half(ordered) + half(ordered[::-1])).reshape(-1, 2)
