"""Overlap of upright boxes, exact but for the rounding of sums and products."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import boxes
from dlgeom.geometry.overlap._pairs import Bools, Floats, Ints, Pairs, Wanted, candidates

__all__ = ["BoxSet", "checked", "scale_of"]

FAR, TINY = 1e50, 1e-50  # magnitudes beyond which areas may leave the range of floats


def checked(values: NDArray[np.float64], what: str) -> Floats:
    """Return the rows, or raise `GeometryError` if a number is not finite."""
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise GeometryError(
            f"{what} {row} is {values[row].tolist()}; all numbers have to be finite. Leave it out"
        )
    return values


def scale_of(*sides: Floats) -> float:
    """Return a power of two that brings lengths into the range in which areas are floats.

    1.0 for all but absurd numbers; measures that are ratios do not change by it.
    """
    largest = max((float(np.abs(side).max(initial=0.0)) for side in sides), default=0.0)
    if TINY < largest < FAR or largest == 0:
        return 1.0
    return float(2.0 ** -np.clip(np.frexp(largest)[1], -1000, 1020))


class BoxSet:
    """A column of boxes (xyxy) as one side of a comparison."""

    def __init__(self, xyxy: Floats) -> None:
        self.given = checked(xyxy, "box")
        wrong = np.flatnonzero((xyxy[:, :2] > xyxy[:, 2:]).any(axis=1))
        if len(wrong):
            row = int(wrong[0])
            raise GeometryError(
                f"box {row} is {xyxy[row].tolist()}; edges are left, top, right, bottom, low "
                "before high. Turn xywh into xyxy"
            )
        self.bounds = self.given
        self.scale = 1.0
        self.areas = self._areas()

    def _areas(self) -> Floats:
        with np.errstate(over="ignore"):
            size = self.bounds[:, 2:] - self.bounds[:, :2]
            return np.asarray(size[:, 0] * size[:, 1])

    def __len__(self) -> int:
        return len(self.bounds)

    def prepare(self, other: BoxSet) -> None:
        """Scale both sides so that areas are floats."""
        scale = scale_of(self.given, other.given)
        if scale != 1.0:
            for side in (self, other):
                side.bounds, side.scale = side.given * scale, scale
                side.areas = side._areas()

    def meet(self, rows: Ints, other: BoxSet, columns: Ints) -> tuple[Floats, Bools]:
        """Return shared areas of pairs, and whether both boxes are the same."""
        one, two = self.bounds, other.bounds
        a, b = [one[rows, k] for k in range(4)], [two[columns, k] for k in range(4)]
        width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
        height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
        np.maximum(width, 0, out=width)
        np.maximum(height, 0, out=height)
        same = a[0] == b[0]
        for k in range(1, 4):
            same &= a[k] == b[k]
        shared: Floats = width * height
        return shared, same

    def pairs(self, other: BoxSet, wanted: Wanted | None = None) -> Iterator[Pairs]:
        """Yield all pairs that touch."""
        for rows, columns in candidates(self.bounds, other.bounds, wanted):
            yield Pairs(rows, columns, *self.meet(rows, other, columns))

    def hull_points(self, row: int) -> Floats:
        """Return the corners of a box, shape (4, 2)."""
        corners: Floats = boxes.box_rings(self.bounds[row])[0]
        return corners
