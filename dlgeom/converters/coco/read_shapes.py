"""One segmentation or list of keypoints at a time, with the exact fault: the careful way.

What the bulk decoding refuses comes here; so the codes of the reliability page are decided in
one place.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import offsets_of
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "BIG",
    "FaultError",
    "Outline",
    "number_fault",
    "read_keypoints",
    "read_mask",
    "read_outline",
]

Ring = NDArray[np.float64]
BIG = int(sys.float_info.max)


class FaultError(Exception):
    """Why a value cannot be used: a code and a sentence."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class Outline:
    """Rings of one record, and why others were left out."""

    __slots__ = ("faults", "flat", "rings")

    def __init__(self) -> None:
        self.rings: list[Ring] = []
        self.faults: list[FaultError] = []
        self.flat = False


def number_fault(value: Any, what: str) -> FaultError | None:
    """Return why a decoded JSON value is no finite number, or None."""
    if type(value) is float:
        if math.isfinite(value):
            return None
        return FaultError("number.not_finite", f"{what} is {value}; numbers are finite. Correct it")
    if type(value) is int:
        if -BIG <= value <= BIG:
            return None
        return FaultError("number.range", f"{what} is beyond the range of numbers. Correct it")
    shown = json.dumps(value)[:40]
    return FaultError("type.number", f"{what} is {shown}; expected a number. Correct it")


def _ring(values: Any, limits: Limits) -> Ring:
    """Return one ring of shape (n, 2), or raise its fault; the geometry is not looked at."""
    if not isinstance(values, list):
        raise FaultError(
            "schema.type", "a ring of the polygon is no list. Write [x1, y1, x2, y2, ...]"
        )
    if any(isinstance(value, list) for value in values):
        raise FaultError(
            "polygon.nesting",
            "a ring holds lists; a ring is one flat list x1, y1, x2, y2, ... Flatten it",
        )
    for value in values:
        if fault := number_fault(value, "a coordinate of the polygon"):
            raise fault
    if len(values) % 2:
        raise FaultError(
            "polygon.odd",
            f"a ring has {len(values)} numbers; x and y come in pairs. Add what is missing",
        )
    if len(values) < 6:
        raise FaultError(
            "polygon.too_few",
            f"a ring has {len(values) // 2} points; a polygon has 3 at least. Remove it",
        )
    if len(values) // 2 > limits.ring_points:
        raise FaultError(
            "limit.points",
            f"a ring has {len(values) // 2} points; the limit ring_points is {limits.ring_points}. "
            "Raise it with --limit ring_points=N",
        )
    return np.array(values, dtype=np.float64).reshape(-1, 2)


_WHY = {
    "number.not_finite": "a coordinate of the polygon is not finite. Correct it",
    "polygon.too_few": "a ring has too few points; a polygon has 3 at least. Remove it",
    "geometry.outside_image": "a ring is longer than the limit outline, or lies beyond the limit "
    "coordinate. Correct it, or raise the limit with --limit",
    "limit.points": "a ring has more points than the limit ring_points. Raise it with --limit",
    "polygon.zero_area": "all points of a ring are on one line; it has no area. Remove it",
}


def ring_faults(rings: list[Ring], limits: Limits) -> list[FaultError | None]:
    """Return for each ring why its geometry cannot be used, or None."""
    from dlgeom.geometry.raster import FAULTS, faults

    offsets = offsets_of([len(ring) for ring in rings])
    codes = faults(np.concatenate(rings), offsets, limits=limits)
    return [
        FaultError(FAULTS[code], _WHY.get(FAULTS[code], "the ring cannot be used"))
        if code
        else None
        for code in codes.tolist()
    ]


def read_outline(value: Any, limits: Limits) -> Outline:
    """Read a decoded ``segmentation`` that should be polygons.

    Rings with a fault are left out and told in `Outline.faults`.

    Raises
    ------
    FaultError
        Where nothing of it can be used.
    """
    outline = Outline()
    if not isinstance(value, list):
        raise FaultError(
            "schema.type",
            "segmentation is neither a list of polygons nor an RLE object. Correct or remove it",
        )
    if value and not any(isinstance(ring, list | dict) for ring in value):
        # A flat list x1, y1, ... is met in the wild; it can mean one ring only.
        outline.flat = True
        value = [value]
    total = 0
    for number, ring in enumerate(value):
        try:
            points = _ring(ring, limits)
            if fault := ring_faults([points], limits)[0]:
                raise fault
        except FaultError as fault:
            fault.args = (f"segmentation[{number}]: {fault}",)
            outline.faults.append(fault)
        else:
            total += len(points)
            outline.rings.append(points)
    if total > limits.points:
        raise FaultError(
            "limit.points",
            f"the polygons have {total} points; the limit points is {limits.points}. "
            f"Raise it with --limit points={total}",
        )
    if not outline.rings and outline.faults:
        raise outline.faults[0]
    return outline


def read_mask(value: Any, limits: Limits) -> tuple[NDArray[np.uint32], tuple[int, int]]:
    """Read a decoded RLE object.

    Returns
    -------
    counts : ndarray of uint32
        Run lengths, zeros first.
    shape : tuple of int
        Height and width.

    Raises
    ------
    FaultError
        ``rle.invalid`` or ``limit.pixels``.
    """

    def bad(why: str) -> FaultError:
        return FaultError("rle.invalid", f"RLE: {why}. Correct it")

    size, counts = value.get("size"), value.get("counts")
    if not isinstance(size, list) or len(size) != 2 or any(type(side) is not int for side in size):
        raise bad("size is not [height, width] in integers")
    height, width = size
    if height <= 0 or width <= 0:
        raise bad(f"size is {height} x {width}; sides are greater than 0")
    if height * width > limits.rle_pixels:
        raise FaultError(
            "limit.pixels",
            f"RLE of {height} x {width} pixels; the limit rle_pixels is {limits.rle_pixels}. "
            f"Raise it with --limit rle_pixels={height * width}",
        )
    try:
        if isinstance(counts, str):
            runs = rle.from_string(counts)
        elif isinstance(counts, list) and all(type(count) is int for count in counts):
            if sum(counts) != height * width:
                raise _too_long(sum(counts), height, width, limits)
            runs = rle.from_list(counts)
        else:
            raise bad("counts is neither text nor a list of integers")
        rle.check(runs, (height, width))
    except GeometryError as error:
        raise bad(str(error)) from error
    return runs, (height, width)


def _too_long(total: int, height: int, width: int, limits: Limits) -> FaultError:
    if height * width > limits.pixels:
        return FaultError(
            "limit.pixels",
            f"RLE says {height} x {width} pixels, more than the limit pixels of {limits.pixels}, "
            f"but its counts add up to {total}",
        )
    return FaultError(
        "rle.invalid",
        f"RLE: counts add up to {total}; the size {height} x {width} has {height * width} pixels. "
        "Correct it",
    )


def read_keypoints(
    value: Any, *, results: bool = False, limits: Limits = DEFAULT_LIMITS
) -> NDArray[np.float64]:
    """Read a decoded ``keypoints`` list; shape (k, 3).

    In results files the third number means nothing: it becomes 2 where it is no visibility, and
    where it is 0 for all points of a record, but for those at 0, 0.

    Raises
    ------
    FaultError
        ``keypoints.arity``, ``value.range``, ``number.range``, ``schema.type`` or that of a number.
    """
    if not isinstance(value, list):
        raise FaultError("schema.type", "keypoints is no list. Write [x1, y1, v1, ...]")
    if len(value) % 3:
        raise FaultError(
            "keypoints.arity",
            f"keypoints has {len(value)} numbers; they come in threes x, y, v. Correct it",
        )
    for number in value:
        if fault := number_fault(number, "a keypoint's number"):
            raise fault
    points = np.array(value, dtype=np.float64).reshape(-1, 3)
    if (np.abs(points[:, :2]) > limits.coordinate).any():
        raise FaultError(
            "number.range",
            f"a keypoint lies more than {limits.coordinate:g} px away, the limit coordinate. "
            "Correct it",
        )
    wrong = ~np.isin(points[:, 2], (0, 1, 2))
    if wrong.any():
        if not results:
            raise FaultError(
                "value.range",
                f"keypoint visibility is {points[wrong][0, 2]:g}; it is 0, 1 or 2. Correct it",
            )
        points[wrong, 2] = 2
    if results and len(points) and not points[:, 2].any():
        points[(points[:, :2] != 0).any(axis=1), 2] = 2
    return points
