"""Rotated boxes: the two ways in which COCO files tell an angle beside ``attributes``.

``attributes.rotation`` is CVAT's: degrees clockwise about the centre of a ``bbox`` that is stored
unrotated. Where the record also has a polygon of four corners that are a rectangle of this angle
(what this library writes, after mmrotate's custom), the corners say the box.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import BOX, OUTLINE, PARTS, ROTATED, RUNS
from dlgeom.converters.coco.read_columns import ODD, Row

__all__ = ["turn_box"]

RECTANGLE = 0.05
"""Pixels by which corners may miss those of a rectangle: files have two decimals."""
ANGLE = 1.0
"""Degrees by which the corners' angle may miss the one that is told."""


def turn_box(row: Row, attributes: Any, rings: list[NDArray[np.float64]]) -> None:
    """Give a row its rotated box, where its attributes tell an angle."""
    angle = attributes.get("rotation") if isinstance(attributes, dict) else None
    if type(angle) is not int and type(angle) is not float:
        return
    if not math.isfinite(angle):
        return
    if not row.flags & (OUTLINE | RUNS) and row.flags & BOX and row.box is not None:
        if angle % 360 == 0:  # CVAT says so of every upright box
            return
        x, y, width, height = row.box
        row.rotated = (x + width / 2, y + height / 2, width, height, float(angle))
        row.flags |= ROTATED
    elif len(rings) == 1 and not row.flags & RUNS:
        found = _from_corners(rings[0], float(angle))
        if found is not None:
            row.rotated = found
            row.flags = (row.flags & ~(OUTLINE | PARTS | ODD)) | ROTATED
            row.segmentation = (0, 0)


def _from_corners(
    ring: NDArray[np.float64], angle: float
) -> tuple[float, float, float, float, float] | None:
    """Return the box of four corners, started at the one that fits the angle."""
    from dlgeom.geometry.rotated import corners, is_rectangle

    if len(ring) == 5 and np.array_equal(ring[0], ring[-1]):
        ring = ring[:-1]
    if len(ring) != 4 or not is_rectangle(ring[None], atol=RECTANGLE)[0]:
        return None
    center = ring.mean(axis=0)
    for shift in range(4):
        turned = np.roll(ring, -shift, axis=0)
        along, across = turned[1] - turned[0], turned[3] - turned[0]
        apart = (math.degrees(math.atan2(along[1], along[0])) - angle + 180) % 360 - 180
        if abs(apart) > ANGLE:
            continue
        box = (
            float(center[0]),
            float(center[1]),
            math.hypot(*along),
            math.hypot(*across),
            angle,
        )
        if np.abs(corners([box])[0] - turned).max() <= 2 * RECTANGLE:
            return box
    return None
