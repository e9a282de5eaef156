"""Overlap of rotated boxes in closed form.

In the frame of one box of a pair that box is a slab in x and a slab in y. Moving each point of
the other's outline to the nearest one in it keeps how often the outline runs round the points
inside, so the area that this clamped outline encloses is the shared area. Each edge contributes
the integral of a clamped line: sums of trapezoids that change continuously with the numbers, so
touching, equal and parallel boxes need no cases and rounding stays rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlgeom.errors import GeometryError
from dlgeom.geometry import rotated
from dlgeom.geometry.overlap._boxes import checked, scale_of
from dlgeom.geometry.overlap._pairs import Bools, Floats, Ints, Pairs, Wanted, candidates

__all__ = ["RotatedSet"]

BLOCK = 1 << 12  # pairs whose sixteen points fit the cache
SLACK = 16 * np.finfo(np.float64).eps
"""Overlap, relative to the sizes, that rounding of corners alone can make."""


class RotatedSet:
    """A column of rotated boxes (cx, cy, w, h, degrees) as one side of a comparison."""

    def __init__(self, boxes: Floats) -> None:
        self.given = checked(boxes, "rotated box")
        wrong = np.flatnonzero((boxes[:, 2:4] < 0).any(axis=1))
        if len(wrong):
            row = int(wrong[0])
            raise GeometryError(
                f"rotated box {row} has size {boxes[row, 2]} x {boxes[row, 3]}; sizes are >= 0"
            )
        self._set(self.given)

    def _set(self, boxes: Floats, scale: float = 1.0) -> None:
        self.scale = scale
        with np.errstate(over="ignore"):
            self.areas: Floats = boxes[:, 2] * boxes[:, 3]
        self.bounds: Floats = rotated.extent(boxes)
        # Corners are rounded: boxes that touch must not miss each other.
        reach = SLACK * (np.abs(boxes[:, :2]) + boxes[:, 2:3] + boxes[:, 3:4])
        self.bounds[:, :2] -= reach
        self.bounds[:, 2:] += reach
        self.boxes = _canonical(boxes)
        cosine, sine = rotated.turns(boxes[:, 4])
        half_w, half_h = boxes[:, 2] / 2, boxes[:, 3] / 2
        self._columns = np.stack((boxes[:, 0], boxes[:, 1], half_w, half_h, cosine, sine))
        self._rank = np.zeros(len(boxes), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.boxes)

    def prepare(self, other: RotatedSet) -> None:
        """Scale both sides so that areas are floats, and rank their boxes.

        Of each pair the box that ranks first gives the frame, so that the order of the two
        does not matter; a thin box ranks before a thick one, as its thickness is exact there.
        """
        scale = scale_of(self.given[:, :4], other.given[:, :4])
        if scale != 1.0:
            for side in (self, other):
                side._set(side.given * np.array([scale, scale, scale, scale, 1.0]), scale)
        both = np.concatenate((self.boxes, other.boxes))
        thin = np.minimum(both[:, 2], both[:, 3])
        order = np.lexsort((*both.T, thin))
        rank = np.empty(len(both), dtype=np.int64)
        rank[order] = np.arange(len(both))
        other._rank = rank[len(self) :]
        self._rank = rank[: len(self)]

    def meet(self, rows: Ints, other: RotatedSet, columns: Ints) -> tuple[Floats, Bools]:
        """Return shared areas of pairs, and whether both boxes are the same."""
        shared = np.zeros(len(rows))
        for start in range(0, len(rows), BLOCK):
            r, c = rows[start : start + BLOCK], columns[start : start + BLOCK]
            one, two = self._columns[:, r], other._columns[:, c]
            swap = self._rank[r] > other._rank[c]
            frame = np.where(swap, two, one)
            shape = np.where(swap, one, two)
            shared[start : start + BLOCK] = _shared(shape, frame)
        same = (self.boxes[rows] == other.boxes[columns]).all(axis=1)
        least = np.minimum(self.areas[rows], other.areas[columns])
        np.clip(shared, 0.0, least, out=shared)
        return np.where(same, least, shared), same

    def pairs(self, other: RotatedSet, wanted: Wanted | None = None) -> Iterator[Pairs]:
        """Yield all pairs whose bounds touch."""
        for rows, columns in candidates(self.bounds, other.bounds, wanted):
            yield Pairs(rows, columns, *self.meet(rows, other, columns))

    def hull_points(self, row: int) -> Floats:
        """Return the corners of a box, shape (4, 2)."""
        corners: Floats = rotated.corners(self.boxes[row])[0]
        return corners


def _canonical(boxes: Floats) -> Floats:
    """Return the same rectangles with angles in [0, 90): equal ones have equal numbers."""
    result = boxes + 0.0
    angle = np.fmod(result[:, 4], 180.0)
    angle[angle < 0] += 180.0
    angle[angle >= 180.0] = 0.0
    turned = angle >= 90.0
    angle[turned] -= 90.0
    result[turned, 2], result[turned, 3] = boxes[turned, 3], boxes[turned, 2]
    result[:, 4] = angle
    # A point looks the same from all sides.
    result[(result[:, 2] == 0) & (result[:, 3] == 0), 4] = 0.0
    return result


def _shared(shape: Floats, frame: Floats) -> Floats:
    """Return the shared area of boxes given as columns (6, P): centre, half sizes, cos, sin."""
    half_w, half_h, frame_w, frame_h = shape[2], shape[3], frame[2], frame[3]
    away_x, away_y = shape[0] - frame[0], shape[1] - frame[1]
    dx = away_x * frame[4] + away_y * frame[5]
    dy = away_y * frame[4] - away_x * frame[5]
    cosine = shape[4] * frame[4] + shape[5] * frame[5]
    sine = shape[5] * frame[4] - shape[4] * frame[5]
    c, s = np.abs(cosine), np.abs(sine)
    slack = SLACK * (half_w + half_h + frame_w + frame_h)
    # Two rectangles are apart if they are apart along an edge of either.
    near = np.abs(dx) < frame_w + half_w * c + half_h * s - slack
    near &= np.abs(dy) < frame_h + half_w * s + half_h * c - slack
    near &= np.abs(dx * cosine + dy * sine) < half_w + frame_w * c + frame_h * s - slack
    near &= np.abs(dy * cosine - dx * sine) < half_h + frame_w * s + frame_h * c - slack
    result = np.zeros(len(near))
    if not near.all():
        half_w, half_h, frame_w, frame_h, dx, dy, cosine, sine = (
            column[near] for column in (half_w, half_h, frame_w, frame_h, dx, dy, cosine, sine)
        )
    x, y = half_w * cosine, half_w * sine
    u, v = -half_h * sine, half_h * cosine
    along_x, along_y = np.stack((x, u, -x, -u)) * 2, np.stack((y, v, -y, -v)) * 2
    from_x = dx + np.stack((-x - u, x - u, x + u, u - x))
    from_y = dy + np.stack((-y - v, y - v, y + v, v - y))
    result[near] = np.abs(_clamped(from_x, from_y, along_x, along_y, frame_w, frame_h).sum(axis=0))
    return result


def _clamped(x: Floats, y: Floats, dx: Floats, dy: Floats, w: Floats, h: Floats) -> Floats:
    """Return the integral of the clamped y over the clamped x along each edge (4, P).

    Edges run from (x, y) by (dx, dy); x is clamped to [-w, w], y to [-h, h].
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        one, two = (-w - x) / dx, (w - x) / dx
        three, four = (-h - y) / dy, (h - y) / dy
    # An edge along y adds nothing; of an edge along x all of y is clamped alike.
    still = dx == 0
    one[still] = two[still] = 0.0
    still = dy == 0
    three[still] = four[still] = 0.0
    start = np.clip(np.minimum(one, two), 0.0, 1.0)
    stop = np.clip(np.maximum(one, two), 0.0, 1.0)
    into = np.clip(np.minimum(three, four), start, stop)
    out = np.clip(np.maximum(three, four), start, stop)
    total = np.zeros_like(x)
    last_x = last_y = total
    for number, t in enumerate((start, into, out, stop)):
        next_x, next_y = np.clip(x + t * dx, -w, w), np.clip(y + t * dy, -h, h)
        if number:
            total = total + (next_x - last_x) * (next_y + last_y)
        last_x, last_y = next_x, next_y
    return total / 2
