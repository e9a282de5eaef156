"""Validity of outlines in the sense of OGC's simple features, with the place and the reason.

An outline is parts of rings, float64 of shape (n, 2), the exterior of each part first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry import regions
from dlgeom.geometry.rotated import hull

__all__ = ["REASONS", "VALID", "Validity", "check"]

Floats = NDArray[np.float64]
Parts = Sequence[Sequence[Floats]]

REASONS = {
    "too_few_points": "the ring has fewer than three different vertices",
    "flat": "all vertices of the ring lie on one line, so it has no area",
    "self_intersection": "the ring crosses itself or runs along itself",
    "ring_self_intersection": "the ring touches itself at a vertex",
    "duplicate_rings": "the ring is the same as another ring",
    "hole_outside": "the hole lies outside of its exterior",
    "hole_crosses_exterior": "the hole crosses its exterior or shares an edge with it",
    "holes_overlap": "the hole crosses another hole or shares an edge with it",
    "holes_nested": "the hole lies in another hole",
    "interior_disconnected": "holes cut the inside of the part into pieces",
    "parts_nested": "the part lies in another part",
    "parts_overlap": "the part crosses another part or shares an edge with it",
    "invalid": "the outline breaks a rule of valid polygons",
}
"""Reasons for which an outline is not valid, and what they mean."""


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether an outline is valid and, if not, why and where; true or false as it is.

    Attributes
    ----------
    valid : bool
        What OGC's simple features (and shapely) say.
    reason : str or None
        A key of `REASONS`; None if valid.
    place : tuple of float, or None
        x, y in pixels of one point where the rule is broken.
    part, ring : int or None
        Positions of the part and of the ring in it (0 is the exterior) that break the rule: the
        later of two that do so together.
    """

    valid: bool
    reason: str | None = None
    place: tuple[float, float] | None = None
    part: int | None = None
    ring: int | None = None

    def __bool__(self) -> bool:
        return self.valid

    @property
    def message(self) -> str:
        """All of it in one sentence."""
        if self.valid or self.reason is None or self.place is None:
            return "the polygon is valid"
        where = f"near ({self.place[0]:g}, {self.place[1]:g})"
        return f"part {self.part}, ring {self.ring}: {REASONS[self.reason]}, {where}"


VALID = Validity(True)

# What GEOS says of rings that are fine by themselves, between a hole and its exterior, between
# holes, and between parts.
_HOLE = {
    "Hole lies outside shell": "hole_outside",
    "Interior is disconnected": "interior_disconnected",
    "Self-intersection": "hole_crosses_exterior",
}
_HOLES = {
    "Holes are nested": "holes_nested",
    "Interior is disconnected": "interior_disconnected",
    "Self-intersection": "holes_overlap",
}
_PARTS = {"Nested shells": "parts_nested", "Self-intersection": "parts_overlap"}


def check(parts: Parts) -> Validity:
    """Return whether an outline is valid, and the first fault found if not.

    Rings are looked at one by one, then each hole with its exterior, the holes of a part, and
    the parts together.

    Raises
    ------
    GeometryError
        If a coordinate is too large to tell (`dlgeom.geometry.regions.FARTHEST`).
    """
    import shapely

    with regions.native("the validity"):
        whole = regions.shape_of(parts)
        if shapely.is_valid(whole):
            return VALID
        for p, part in enumerate(parts):
            for r, ring in enumerate(part):
                if (fault := _ring_fault(ring, p, r)) is not None:
                    return fault
        for p, part in enumerate(parts):
            if (fault := _part_fault(part, p)) is not None:
                return fault
        return _parts_fault(parts, whole)


def _ring_fault(ring: Floats, part: int, index: int) -> Validity | None:
    place = (float(ring[0, 0]), float(ring[0, 1]))
    if len(np.unique(ring, axis=0)) < 3:
        return Validity(False, "too_few_points", place, part, index)
    if len(hull(ring)) < 3:
        return Validity(False, "flat", place, part, index)
    said, place = _said([ring], place)
    if said is None:
        return None
    reason = "ring_self_intersection" if said.startswith("Ring") else "self_intersection"
    return Validity(False, reason, place, part, index)


def _part_fault(part: Sequence[Floats], p: int) -> Validity | None:
    if len(part) == 1:
        return None
    start = (float(part[0][0, 0]), float(part[0][0, 1]))
    said, place = _said(part, start)
    if said is None:
        return None
    same = _same_as_earlier(part)
    if same is not None:
        x, y = part[same][0].tolist()
        return Validity(False, "duplicate_rings", (x, y), p, same)
    for r in range(1, len(part)):
        alone, there = _said([part[0], part[r]], start)
        if alone is not None:
            return Validity(False, _HOLE.get(alone, "invalid"), there, p, r)
    ring = _last_at(place, [[part[r]] for r in range(1, len(part))]) + 1
    return Validity(False, _HOLES.get(said, "invalid"), place, p, ring)


def _parts_fault(parts: Parts, whole: Any) -> Validity:
    same = _same_as_earlier([part[0] for part in parts])
    if same is not None:
        x, y = parts[same][0][0].tolist()
        return Validity(False, "duplicate_rings", (x, y), same, 0)
    x, y = parts[0][0][0].tolist()
    said, place = _split(whole, (x, y))
    part = _last_at(place, parts)
    ring = _last_at(place, [[ring] for ring in parts[part]])
    return Validity(False, _PARTS.get(said or "", "invalid"), place, part, ring)


def _said(rings: Sequence[Floats], start: tuple[float, float]) -> tuple[Any, tuple[float, float]]:
    """Return what GEOS finds wrong with one part, None if nothing, and where."""
    import shapely

    return _split(shapely.Polygon(rings[0], list(rings[1:])), start)


def _split(shape: Any, start: tuple[float, float]) -> tuple[Any, tuple[float, float]]:
    """Split ``Self-intersection[3 4]`` into the words and the place."""
    import shapely

    said, _, place = str(shapely.is_valid_reason(shape)).partition("[")
    if said == "Valid Geometry":
        return None, start
    numbers = place.rstrip("]").split()
    if len(numbers) >= 2:
        x, y = float(numbers[0]), float(numbers[1])
        return said, (x, y) if np.isfinite([x, y]).all() else start
    return said, start


def _same_as_earlier(rings: Sequence[Floats]) -> int | None:
    """Return the first ring that goes through the vertices of an earlier one, None if none."""
    seen: set[bytes] = set()
    for index, ring in enumerate(rings):
        key = _turned(ring)
        if key in seen:
            return index
        seen.add(key)
    return None


def _turned(ring: Floats) -> bytes:
    """Return the vertices from the least one on, in the lesser direction, without repeats."""
    kept = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)] + 0.0
    first = int(np.lexsort((kept[:, 1], kept[:, 0]))[0])
    there = np.roll(kept, -first, axis=0)
    back = np.roll(kept[::-1], first + 1, axis=0)
    texts: list[bytes] = [there.tobytes(), back.tobytes()]
    return min(texts)


def _last_at(place: tuple[float, float], groups: Parts) -> int:
    """Return the last group of rings that has the place on one of them, or the nearest."""
    import shapely

    point = shapely.Point(place)
    away = np.array(
        [
            min(shapely.distance(point, shapely.LinearRing(ring)) for ring in group)
            for group in groups
        ]
    )
    slack = 1e-9 * (1.0 + abs(place[0]) + abs(place[1]))
    return int(np.flatnonzero(away <= away.min() + slack)[-1])
