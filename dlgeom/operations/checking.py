"""A reader that checks the outlines of another one, and repairs them if it is asked to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from dlgeom.chunk import HOLES, OUTLINE, PARTS, Chunk
from dlgeom.converters.base import ALL, Meta, Reader
from dlgeom.converters.problems import Problems
from dlgeom.converters.selection import Repeats
from dlgeom.definitions import Polygon
from dlgeom.errors import DlgeomError
from dlgeom.geometry.ragged import Rings

__all__ = ["CheckedReader"]

_CODES = {
    "self_intersection": "polygon.self_intersects",
    "flat": "polygon.zero_area",
    "too_few_points": "polygon.too_few",
    "hole_outside": "polygon.nesting",
    "hole_crosses_exterior": "polygon.nesting",
    "holes_overlap": "polygon.nesting",
}
"""Reasons that are faults. Rings that touch themselves, and parts that overlap or lie in each
other, are what outlines of pixels and COCO's lists of rings look like."""


class CheckedReader:
    """Yields what a reader has, and tells of outlines that are not valid.

    Parameters
    ----------
    reader : Reader
        Where everything comes from.
    problems : Problems
        Who is told, and whom the reader tells.
    fix : bool
        Whether outlines are repaired: the polygon that covers the same and is valid.
    """

    def __init__(self, reader: Reader, problems: Problems, *, fix: bool) -> None:
        self._reader = reader
        self._problems = problems
        self._fix = fix
        self._told = Repeats(problems)
        self.meta: Meta = reader.meta

    def __getattr__(self, name: str) -> Any:
        # What only some readers have: learn_points, close, all_filtered.
        return getattr(self._reader, name)

    def kinds(self) -> set[str]:
        """Return which shapes occur."""
        return self._reader.kinds()

    def count(self) -> int | None:
        """Return how many images there are, or None if nobody knows."""
        return self._reader.count()

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set, all columns decoded."""
        # What is copied as it is would not be looked at.
        needs = needs | ALL | {"raw"}
        with self._told.reading():
            for chunk in self._reader.chunks(grouped=grouped, needs=needs):
                yield self._checked(chunk)

    def _checked(self, chunk: Chunk) -> Chunk:
        repaired: dict[int, Polygon] = {}
        for row in np.flatnonzero(chunk.outline.part_counts > 0).tolist():
            polygon = Polygon._of_row(chunk.outline, row, None, {})
            found = polygon.validity()
            code = _CODES.get(found.reason or "")
            if code is None:
                continue
            place = "" if found.place is None else f" at {found.place[0]:g}, {found.place[1]:g}"
            what = (
                f"part {found.part} of the outline, ring {found.ring}: "
                f"{(found.reason or '').replace('_', ' ')}{place}"
            )
            if self._fix:
                try:
                    repaired[row] = polygon.repair()
                except DlgeomError:
                    self._problems.warning(
                        code, f"{what}; it covers nothing and is kept", **chunk.where(row)
                    )
                    continue
                self._problems.repaired(
                    code, f"{what}; now the valid polygon that covers the same", **chunk.where(row)
                )
            else:
                self._problems.warning(
                    code, f"{what}; outlines do not cross themselves. Repair it", **chunk.where(row)
                )
        return _replaced(chunk, repaired) if repaired else chunk


def _replaced(chunk: Chunk, repaired: dict[int, Polygon]) -> Chunk:
    """Return a chunk with other outlines in some rows, whose own text no longer counts."""
    rows = [
        repaired[row].outline if row in repaired else chunk.outline.take(np.array([row]))
        for row in range(len(chunk))
    ]
    outline = Rings.concat(rows)
    parts = outline.part_counts
    bits = np.where(parts > 1, PARTS, 0) | np.where(np.diff(outline.row_rings) > parts, HOLES, 0)
    shapes = chunk.shapes.copy()
    changed = np.array(sorted(repaired), dtype=np.int64)
    kept = shapes[changed] & ~np.uint8(PARTS | HOLES)
    shapes[changed] = kept | bits[changed].astype(np.uint8) | np.uint8(OUTLINE)
    origin = chunk.origin
    if origin.spans is not None:
        spans = origin.spans.copy()
        spans[changed] = 0
        origin = msgspec.structs.replace(origin, spans=spans)
    records = {row: value for row, value in chunk.records.items() if row not in repaired}
    return msgspec.structs.replace(
        chunk, outline=outline, shapes=shapes, origin=origin, records=records
    )
