"""Overlap of polygons with parts and holes, by GEOS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry import overlay, rings
from dlgeom.geometry.overlap._boxes import checked, scale_of
from dlgeom.geometry.overlap._pairs import Bools, Floats, Ints, Pairs, Wanted, candidates
from dlgeom.geometry.ragged import Rings, gather, offsets_of
from dlgeom.geometry.regions import native, region

__all__ = ["PolygonSet", "regions"]

NEAR = 1e-9
"""Relative difference of areas that rounding may make."""

Regions = NDArray[Any]


def regions(outline: Rings) -> Regions:
    """Return each row as one valid shapely geometry; empty where there is no outline.

    Where a row is not valid its region is that of its mask, see `dlgeom.geometry.regions`: each
    ring is filled even-odd, a part is its exterior XOR its holes, a row the union of its parts.
    """
    import shapely

    outline = _without_short(outline)
    shapes = np.full(len(outline), shapely.MultiPolygon(), dtype=object)
    some = np.flatnonzero(outline.part_counts)
    if not len(some):
        return shapes
    sizes = np.diff(outline.rings)
    closed = np.empty((len(outline.xy) + len(sizes), 2))
    offsets = offsets_of(sizes + 1)
    last = offsets[1:] - 1
    keep = np.ones(len(closed), dtype=np.bool_)
    keep[last] = False
    closed[keep] = outline.xy
    closed[last] = outline.xy[outline.rings[:-1]]
    made = shapely.from_ragged_array(
        shapely.GeometryType.MULTIPOLYGON,
        closed,
        (offsets, outline.parts, outline.rows),
    )
    shapes[some] = made[some]
    for row in np.flatnonzero(~shapely.is_valid(shapes)).tolist():
        shapes[row] = region(outline.row(row))
    return shapes


def _without_short(outline: Rings) -> Rings:
    """Leave out rings of fewer than three vertices, which have no area, with their parts."""
    if not len(outline.xy) and len(outline.rings) == 1:
        return outline
    short = np.diff(outline.rings) < 3
    if not short.any():
        return outline
    rows = []
    for parts in outline:
        kept = [part for part in parts if len(part[0]) >= 3]
        rows.append([[ring for ring in part if len(ring) >= 3] for part in kept])
    return Rings.of(rows)


class PolygonSet:
    """A column of polygons as one side of a comparison."""

    def __init__(self, outline: Rings) -> None:
        checked(outline.xy, "vertex")
        self.outline = outline
        self._set(outline)

    def _set(self, outline: Rings, scale: float = 1.0) -> None:
        import shapely

        self.scale = scale
        self._regions = regions(outline)
        shapely.prepare(self._regions)
        with np.errstate(all="ignore"):  # beyond all floats; `prepare` scales both sides then
            self.areas: Floats = shapely.area(self._regions)
        # Those of the vertices: a flat outline has a place too, if only to equal another one.
        self.bounds: Floats = rings.row_bounds(outline)
        self._vertices = outline
        self._edges: Regions | None = None
        self._points: Regions = self._regions
        self._rank = np.zeros(len(outline), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.outline)

    def prepare(self, other: PolygonSet) -> None:
        """Scale both sides so that areas are floats, and rank their polygons.

        GEOS may round differently when two operands change places; of each pair the polygon
        that ranks first is always the first operand.
        """
        import shapely

        scale = scale_of(self.outline.xy, other.outline.xy)
        if scale != 1.0:
            for side in (self, other):
                given = side.outline
                side._set(Rings(given.xy * scale, given.rings, given.parts, given.rows), scale)
        shapes = np.concatenate((self._regions, other._regions))
        areas = np.concatenate((self.areas, other.areas)).tolist()
        texts = shapely.to_wkb(shapes).tolist()
        order = sorted(range(len(shapes)), key=lambda k: (areas[k], texts[k]))
        rank = np.empty(len(shapes), dtype=np.int64)
        rank[order] = np.arange(len(shapes))
        other._rank = rank[len(self) :]
        self._rank = rank[: len(self)]

    def meet(self, rows: Ints, other: PolygonSet, columns: Ints) -> tuple[Floats, Bools]:
        """Return shared areas of pairs, and whether both polygons are the same."""
        import shapely

        one, two = self._regions[rows], other._regions[columns]
        swap = self._rank[rows] > other._rank[columns]
        one, two = np.where(swap, two, one), np.where(swap, one, two)
        first, second = self.areas[rows], other.areas[columns]
        same = (self.bounds[rows] == other.bounds[columns]).all(axis=1)
        same &= np.abs(first - second) <= NEAR * np.maximum(first, second)
        maybe = np.flatnonzero(same & (first > 0))
        with native("a comparison"):
            same[maybe] = shapely.equals(one[maybe], two[maybe])
        for k in np.flatnonzero(same & (first == 0)).tolist():
            same[k] = self._equal_vertices(int(rows[k]), other, int(columns[k]))
        shared = np.zeros(len(rows))
        least = np.minimum(first, second)
        # Asking prepared polygons whether they meet at all costs a tenth of cutting them.
        meets = np.flatnonzero(~same & (least > 0))
        with native("a comparison"):
            meets = meets[shapely.intersects(one[meets], two[meets])]
        doubt = self._touches(rows[meets], other, columns[meets])
        with native("an intersection"):
            # Where edges are all but the same GEOS may lose pieces, see `dlgeom.geometry.overlay`.
            safe, snapped = meets[~doubt], meets[doubt]
            shared[safe] = shapely.area(shapely.intersection(one[safe], two[safe]))
            # Each pair on its own grid: what else is in the table does not matter.
            reach = self._reach(rows[snapped], other, columns[snapped])
            for size in np.unique(reach).tolist():
                part = snapped[reach == size]
                cut = shapely.intersection(one[part], two[part], grid_size=size * overlay.GRID)
                shared[part] = shapely.area(cut)
        np.minimum(shared, least, out=shared)
        return np.where(same, least, shared), same

    def _reach(self, rows: Ints, other: PolygonSet, columns: Ints) -> Floats:
        """Return for each pair a power of two that no coordinate is beyond."""
        return overlay.reach(self.bounds[rows], other.bounds[columns])

    def _touches(self, rows: Ints, other: PolygonSet, columns: Ints) -> Bools:
        """Return which pairs have a vertex of one on, or all but on, an edge of the other."""
        import shapely

        for side in (self, other):
            if side._edges is None:
                side._edges = shapely.boundary(side._regions)
                side._points = shapely.extract_unique_points(side._regions)
                shapely.prepare(side._edges)
        near = self._reach(rows, other, columns) * overlay.TOUCH
        assert self._edges is not None
        assert other._edges is not None
        # GEOS leaves the processor's flags set where a distance is 0; numpy would warn of them.
        with native("a distance"):
            return overlay.touches(
                (self._edges[rows], other._edges[columns]),
                (self._points[rows], other._points[columns]),
                near,
            )

    def _equal_vertices(self, row: int, other: PolygonSet, column: int) -> bool:
        """Return whether two rows without area have the same vertices."""
        mine, theirs = self._vertices.row_vertices, other._vertices.row_vertices
        return np.array_equal(
            self._vertices.xy[mine[row] : mine[row + 1]],
            other._vertices.xy[theirs[column] : theirs[column + 1]],
        )

    def pairs(self, other: PolygonSet, wanted: Wanted | None = None) -> Iterator[Pairs]:
        """Yield all pairs whose bounds touch."""
        for rows, columns in candidates(self.bounds, other.bounds, wanted):
            yield Pairs(rows, columns, *self.meet(rows, other, columns))

    def hull_points(self, row: int) -> Floats:
        """Return the vertices of the polygon, shape (n, 2)."""
        index, _ = gather(self._vertices.row_vertices, np.array([row]))
        return self._vertices.xy[index]
