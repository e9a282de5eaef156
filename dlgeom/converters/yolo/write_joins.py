"""Joining the rings of a row to one ring, and knowing that it is the same mask.

A bridge is walked forth and back, which an even-odd fill does not see (pycocotools emits the
same crossings for an edge in both directions, and crossings that come twice cancel), so that a
joined row is the exclusive-or of its rings. It is the mask of its parts as long as these share
no pixel: parts with a pixel between them cannot, the others are drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.yolo.numbers import read_back
from dlgeom.geometry.ragged import Rings, gather, offsets_of

__all__ = ["flat_rings", "join", "rows_of", "rows_that_return"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
MANY_PARTS = 64


def rows_of(elements: Ints, offsets: Ints) -> Ints:
    """Return the rows in which elements lie."""
    rows: Ints = np.unique(np.searchsorted(offsets, elements, side="right") - 1)
    return rows


def flat_rings(numbers: Ints, rings: Ints) -> Ints:
    """Return the rings that have no width left, all vertices on one line.

    The shoelace sum finds nearly all that are not; products may wrap around in 64 bits, which
    could at worst send a ring to the careful look.
    """
    some = np.flatnonzero(np.diff(rings) > 0)
    empty = np.flatnonzero(np.diff(rings) == 0)
    if not len(some):
        return empty
    x, y = numbers[:, 0], numbers[:, 1]
    first, last = rings[:-1][some], rings[1:][some] - 1
    cross = np.empty(len(numbers), dtype=np.int64)
    cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    cross[last] = x[last] * y[first] - x[first] * y[last]
    suspects = some[np.add.reduceat(cross, first) == 0]
    flat = [ring for ring in suspects.tolist() if _is_flat(numbers[rings[ring] : rings[ring + 1]])]
    return np.concatenate([empty, np.array(flat, dtype=np.int64)])


def _is_flat(ring: Ints) -> bool:
    """Whether all vertices lie on one line, in integers of any size."""
    (x0, y0), *others = ring.tolist()
    steps = [(x - x0, y - y0) for x, y in others]
    far_x, far_y = max(steps, key=lambda step: abs(step[0]) + abs(step[1]), default=(0, 0))
    return all(far_x * dy == far_y * dx for dx, dy in steps)


def rows_that_return(numbers: Ints, row_vertices: Ints) -> Ints:
    """Return the rows whose first vertex comes again before the last one.

    A reader could take such a row for one of several rings.
    """
    lengths = np.diff(row_vertices)
    rows = np.flatnonzero(lengths > 0)
    first = row_vertices[:-1][rows]
    x, y = numbers[:, 0], numbers[:, 1]
    again = np.flatnonzero(x == np.repeat(x[first], lengths[rows]))
    row = np.searchsorted(row_vertices, again, side="right") - 1
    begin = row_vertices[row]
    inner = (again > begin) & (again < row_vertices[row + 1] - 1) & (y[again] == y[begin])
    return np.unique(row[inner])


def join(
    outline: Rings,
    numbers: Ints,
    rows: NDArray[np.integer[Any]],
    sizes: Ints,
    decimals: int,
    doubtful: Bools,
) -> tuple[Ints, Ints, Bools]:
    """Join the rings of some rows to one ring each.

    Parameters
    ----------
    outline : Rings
        All rows.
    numbers : ndarray of int64, shape (V, 2)
        Digits of the vertices of `outline`.
    rows : ndarray of int, shape (M,)
        The rows to join.
    sizes : ndarray of int64, shape (N, 2)
        Width and height of the image of all rows.
    decimals : int
        Decimals that `numbers` hold.
    doubtful : ndarray of bool, shape (N,)
        Rows whose parts may overlap; these are drawn and compared.

    Returns
    -------
    order : ndarray of int64, shape (J,)
        Indexes into the vertices of `outline`.
    offsets : ndarray of int64, shape (M + 1,)
        Row k of `rows` is ``order[offsets[k]:offsets[k + 1]]``.
    joined : ndarray of bool, shape (M,)
        False where no ring stands for the same pixels.
    """
    from dlgeom.geometry import bridges

    part_index, row_offsets = gather(outline.rows, rows)
    ring_index, part_offsets = gather(outline.parts, part_index)
    vertices, ring_offsets = gather(outline.rings, ring_index)
    # Rings are joined by their digits: vertices that read the same are the same vertex.
    exact = numbers[vertices].astype(np.float64)
    several = np.diff(part_offsets[row_offsets]) > 1
    keep = _open_ends(exact, ring_offsets, several, part_offsets[row_offsets])
    vertices, exact = vertices[keep], exact[keep]
    ring_offsets = np.concatenate([[0], np.cumsum(keep)])[ring_offsets]
    some = Rings(exact, ring_offsets, part_offsets, row_offsets)
    spread = np.repeat(sizes[rows], np.diff(some.row_vertices), axis=0).astype(np.float64)
    order, offsets, joined = bridges.join_orders(
        some, read_back(numbers[vertices], spread, decimals)
    )
    single = np.flatnonzero(~joined & ~several)
    if len(single):
        order, offsets = _keep_plain(some, order, offsets, single)
        joined = joined.copy()
        joined[single] = True
    check = joined & doubtful[rows] & _parts_near(some, sizes[rows], decimals)
    check[single] = True
    suspects = np.flatnonzero(check)
    if len(suspects):
        index, ends = gather(offsets, suspects)
        size = sizes[rows[suspects]]
        spread = np.repeat(size, np.diff(ends), axis=0).astype(np.float64)
        xy = read_back(numbers[vertices[order[index]]], spread, decimals)
        original = outline.take(rows[suspects])
        same = _same_masks(original, xy, ends, size, np.isin(suspects, single))
        joined = joined.copy()
        joined[suspects[~same]] = False
        lengths = np.where(joined, np.diff(offsets), 0)
        index, offsets = gather(offsets, np.flatnonzero(joined))
        order, offsets = order[index], offsets_of(lengths)
    return vertices[order], offsets, joined


def _open_ends(exact: Floats, rings: Ints, several: Bools, row_rings: Ints) -> Bools:
    """Return which vertices to keep: a last vertex equal to the first would close a ring twice.

    A row of one ring keeps its vertices as they are.
    """
    keep = np.ones(len(exact), dtype=np.bool_)
    first, last = rings[:-1], rings[1:] - 1
    closed = (exact[first] == exact[last]).all(axis=1) & (last > first)
    closed &= np.repeat(several, np.diff(row_rings))
    keep[last[closed]] = False
    return keep


def _keep_plain(some: Rings, order: Ints, offsets: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Put back rows of one ring that look like several, vertex by vertex."""
    lengths = np.diff(offsets)
    starts = offsets[:-1].copy()
    lengths[rows] = np.diff(some.row_vertices)[rows]
    starts[rows] = len(order) + some.row_vertices[:-1][rows]
    pool = np.concatenate([order, np.arange(len(some.xy))])
    fresh = offsets_of(lengths)
    return pool[np.arange(fresh[-1]) + np.repeat(starts - fresh[:-1], lengths)], fresh


def _parts_near(some: Rings, sizes: Ints, decimals: int) -> Bools:
    """Return the rows in which two parts come within a pixel of each other."""
    near = np.zeros(len(some), dtype=np.bool_)
    counts = some.part_counts
    near[counts > MANY_PARTS] = True
    outer = some.parts[:-1]
    first = some.rings[outer]
    # Bounds of the exteriors: reduceat over (start, stop) pairs, every second of them.
    pairs = np.stack([first, some.rings[outer + 1]], axis=1).ravel()
    xy = np.concatenate([some.xy, some.xy[-1:]])
    pixels = np.repeat(sizes, counts, axis=0) / 10.0**decimals
    low = np.minimum.reduceat(xy, pairs, axis=0)[::2] * pixels - 1.0
    high = np.maximum.reduceat(xy, pairs, axis=0)[::2] * pixels + 1.0
    row = np.repeat(np.arange(len(some)), counts)
    for step in range(1, min(int(counts.max(initial=0)), MANY_PARTS)):
        together = row[step:] == row[:-step]
        touch = (low[step:] < high[:-step]).all(axis=1) & (low[:-step] < high[step:]).all(axis=1)
        near[row[step:][together & touch]] = True
    return near


def _same_masks(outline: Rings, xy: Floats, ends: Ints, sizes: Ints, whole: Bools) -> Bools:
    """Draw what would be read back and compare it with the mask of the parts.

    Parameters
    ----------
    outline : Rings
        The rows as they should be.
    xy : ndarray of float64, shape (V, 2)
        The rings as they would be read back, in pixels.
    ends : ndarray of int64, shape (N + 1,)
        Row i has the vertices ``xy[ends[i]:ends[i + 1]]``.
    sizes : ndarray of int64, shape (N, 2)
        Width and height of each row's image.
    whole : ndarray of bool, shape (N,)
        Rows of one ring that look like several: they are also drawn as a reader takes them apart.
    """
    from dlgeom.geometry import bridges, raster, rle

    shapes = sizes[:, ::-1]
    one = np.arange(len(sizes) + 1, dtype=np.int64)
    fault = raster.faults(xy, ends)
    same: Bools = (fault == 0) | (fault == raster.FAULTS.index("polygon.zero_area"))
    rows = np.flatnonzero(same)
    index, offsets = gather(ends, rows)
    drawn = raster.rows_to_runs(
        Rings(xy[index], offsets, one[: len(rows) + 1], one[: len(rows) + 1]), shapes[rows]
    )
    # No pixel is in two rings if and only if the even-odd fill is as large as all rings together.
    alone = np.diff(outline.row_rings) == outline.part_counts
    rings = outline.row_rings
    each = np.arange(len(outline.rings), dtype=np.int64)
    areas = rle.areas(
        raster.rows_to_runs(
            Rings(outline.xy, outline.rings, each, each),
            np.repeat(shapes, np.diff(rings), axis=0),
        )
    )
    total = np.concatenate([[0], np.cumsum(areas)])
    together = total[rings[1:]] - total[rings[:-1]]
    same[rows] = rle.areas(drawn) == together[rows]
    careful = np.flatnonzero(~alone | whole)
    careful = careful[np.isin(careful, rows)]
    if len(careful):
        wanted = raster.rows_to_runs(outline.take(careful), shapes[careful])
        index, offsets = gather(ends, careful)
        apart = raster.rows_to_runs(bridges.split_many(xy[index], offsets), shapes[careful])
        for k, row in enumerate(careful.tolist()):
            found = drawn.row(int(np.searchsorted(rows, row)))
            same[row] = np.array_equal(wanted.row(k), found) and np.array_equal(
                wanted.row(k), apart.row(k)
            )
    return same
