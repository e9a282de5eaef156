"""Several rings as one ring, by bridges without area, and back.

Formats that hold one ring for each object (YOLO) carry parts and holes as one walk::

    p0 ... pn p0 | q0 ... qm q0 p0 | r0 ... rk r0 p0 ...

Every ring is closed, then the walk goes back to the anchor p0, the first vertex of the first
ring. Each bridge is walked forth and back between the same two vertices, so it encloses nothing
and an even-odd fill sees the rings alone. A ring starts at a vertex that occurs once in it: its
next occurrence closes the ring, and the walk can be read in one way only.

A walk is taken apart only where it fits this grammar as a whole, with two rings or more of three
vertices or more. Which rings are holes follows from even-odd nesting.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry._nesting import owners
from dlgeom.geometry.ragged import Rings, gather, offsets_of

__all__ = ["join", "join_order", "join_orders", "nest", "split", "split_many"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# p0 p1 p2 p0 q0 q1 q2 q0 p0
SHORTEST_WALK = 9


def join_orders(
    outline: Rings, placed: Floats | None = None
) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Find the bridged ring of each row, for all rows at once.

    Parameters
    ----------
    outline : Rings
        N rows of parts.
    placed : ndarray of float64, shape (V, 2), optional
        Where a reader sees the vertices of `outline`, if that is elsewhere: it tells holes by
        these, and rings that cross may nest in another way once they are stretched.

    Returns
    -------
    order : ndarray of int64, shape (J,)
        Indexes into ``outline.xy``: the vertices of the bridged rings, row by row.
    offsets : ndarray of int64, shape (N + 1,)
        Row i is ``order[offsets[i]:offsets[i + 1]]``; empty where it cannot be joined.
    joined : ndarray of bool, shape (N,)
        False where no ring stands for the row: it has no parts, a ring of several has fewer than
        three vertices or none that occurs once, taking the ring apart would nest the rings in
        another way (a part inside another part), or a single ring looks like a walk itself. The
        pixel-edge outline of the row's mask can always be joined.

    Notes
    -----
    Parts whose edges cross are joined all the same: an even-odd fill leaves out what they share.
    """
    lengths = np.diff(outline.rings)
    ring_counts = np.diff(outline.row_rings)
    row_of_ring = np.repeat(np.arange(len(outline)), ring_counts)
    joined = ring_counts > 0
    needed = np.where(ring_counts > 1, 3, 1)[row_of_ring]
    joined[row_of_ring[lengths < needed]] = False
    joined[_walks_among_single(outline, joined & (ring_counts == 1))] = False

    starts = _unique_starts(outline, joined & (ring_counts > 1), row_of_ring)
    joined[row_of_ring[starts < 0]] = False
    seen = outline
    if placed is not None:
        seen = Rings(placed, outline.rings, outline.parts, outline.rows)
    joined[_nested_otherwise(seen, joined & (ring_counts > 1), starts)] = False

    rings = np.flatnonzero(joined[row_of_ring])
    row, size = row_of_ring[rings], lengths[rings]
    several = ring_counts[row] > 1
    later = rings > outline.row_rings[:-1][row]
    walk = offsets_of(size + several + (several & later))
    place = np.arange(walk[-1]) - np.repeat(walk[:-1], np.diff(walk))
    begin = outline.rings[rings]
    shift = (starts[rings] - begin)[:, None]
    spread = np.repeat(np.stack([begin, shift[:, 0], size], axis=1), np.diff(walk), axis=0)
    order = spread[:, 0] + (spread[:, 1] + place) % np.maximum(spread[:, 2], 1)
    order[walk[1:][several & later] - 1] = starts[outline.row_rings[:-1][row[several & later]]]
    per_row = np.bincount(row, weights=np.diff(walk), minlength=len(outline))
    return order, offsets_of(per_row.astype(np.int64)), joined


def _walks_among_single(outline: Rings, single: NDArray[np.bool_]) -> Ints:
    """Return the rows of one ring that would be taken apart when read."""
    rows = np.flatnonzero(single)
    index, offsets = gather(outline.row_vertices, rows)
    found, _, _ = _parse(outline.xy[index], offsets)
    return rows[found]


def _unique_starts(outline: Rings, wanted: NDArray[np.bool_], row_of_ring: Ints) -> Ints:
    """Return the first vertex of each ring that occurs once in it, -1 where there is none.

    Rings of other rows start at their first vertex.
    """
    starts = outline.rings[:-1].copy()
    rings = np.flatnonzero(wanted[row_of_ring])
    if len(rings) == 0:
        return starts
    index, offsets = gather(outline.rings, rings)
    xy = outline.xy[index]
    same = (xy == np.repeat(xy[offsets[:-1]], np.diff(offsets), axis=0)).all(axis=1)
    times = np.add.reduceat(same.astype(np.int64), offsets[:-1])
    for ring in rings[times != 1].tolist():
        _, first, count = np.unique(
            outline.ring(ring), axis=0, return_index=True, return_counts=True
        )
        once = first[count == 1]
        # NaN is equal to nothing and never closes a ring.
        once = once[~np.isnan(outline.ring(ring)[once]).any(axis=1)]
        starts[ring] = outline.rings[ring] + once.min() if len(once) else -1
    return starts


def _nested_otherwise(outline: Rings, wanted: NDArray[np.bool_], starts: Ints) -> Ints:
    """Return the rows whose rings nest in another way than their parts say."""
    rows = np.flatnonzero(wanted)
    some = outline.take(rows)
    if len(some.xy) == 0:
        return rows
    first = gather(outline.row_rings, rows)[0]
    turn = starts[first] - outline.rings[first]
    xy = some.xy
    if turn.any():
        size = np.diff(some.rings)
        place = np.arange(len(xy)) - np.repeat(some.rings[:-1], size)
        place = (place + np.repeat(turn, size)) % np.repeat(size, size)
        xy = xy[np.repeat(some.rings[:-1], size) + place]
    found = owners(xy, some.rings, some.row_rings)
    said = np.repeat(some.parts[:-1], np.diff(some.parts))
    row = np.repeat(np.arange(len(rows)), np.diff(some.row_rings))
    other: Ints = rows[np.unique(row[found != said])]
    return other


def join_order(parts: Sequence[Sequence[ArrayLike]]) -> Ints | None:
    """Return the bridged ring of an object as indexes of its vertices.

    Parameters
    ----------
    parts : sequence of parts
        Each an exterior and its holes, rings of shape (n, 2).

    Returns
    -------
    ndarray of int64, shape (J,), or None
        Indexes into the vertices of all rings, one after the other; None where no ring stands
        for the object, see `join_orders`.

    Raises
    ------
    GeometryError
        If a ring is not of shape (n, 2).
    """
    order, _, joined = join_orders(Rings.of([parts]))
    return order if joined[0] else None


def join(parts: Sequence[Sequence[ArrayLike]]) -> Floats | None:
    """Join the rings of an object by bridges into one ring.

    Parameters
    ----------
    parts : sequence of parts
        Each an exterior and its holes, rings of shape (n, 2).

    Returns
    -------
    ndarray of float64, shape (J, 2), or None
        A single ring as it is; of several the walk, its last vertex the anchor. None where no
        ring stands for the object, see `join_orders`.

    Raises
    ------
    GeometryError
        If a ring is not of shape (n, 2).

    Examples
    --------
    >>> triangles = [[[[0, 0], [2, 0], [0, 2]]], [[[5, 5], [7, 5], [5, 7]]]]
    >>> walk = join(triangles)
    >>> walk.astype(int).tolist()
    [[0, 0], [2, 0], [0, 2], [0, 0], [5, 5], [7, 5], [5, 7], [5, 5], [0, 0]]
    >>> [len(part) for part in split(walk)]
    [1, 1]
    """
    outline = Rings.of([parts])
    order, _, joined = join_orders(outline)
    return outline.xy[order] if joined[0] else None


def split(ring: ArrayLike) -> list[list[Floats]] | None:
    """Take a bridged ring apart.

    Parameters
    ----------
    ring : array_like, shape (n, 2)
        A ring, perhaps with bridges.

    Returns
    -------
    list of parts, or None
        Exterior and holes of each part, in the order of the walk; None if the ring does not fit
        the grammar as a whole and so is a plain ring.

    Raises
    ------
    GeometryError
        If `ring` is not of shape (n, 2).
    """
    xy = _ring(ring)
    outline = split_many(xy, np.array([0, len(xy)], dtype=np.int64))
    parts = outline.row(0)
    return parts if len(outline.rings) > 2 else None


def split_many(xy: Floats, offsets: Ints) -> Rings:
    """Take many rings apart where they are bridged.

    Parameters
    ----------
    xy : ndarray of float64, shape (V, 2)
        Vertices of all rings.
    offsets : ndarray of int64, shape (N + 1,)
        Ring i has the vertices ``xy[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    Rings
        A row for each ring; a plain ring is one part, unchanged.
    """
    count = len(offsets) - 1
    found, begin, end = _parse(xy, offsets)
    if len(found) == 0:
        each = np.arange(count + 1)
        return Rings(xy, offsets, each, each)
    walks, pieces = np.unique(found, return_counts=True)
    index, rings = _ranges(begin, end)
    owner = owners(xy[index], rings, offsets_of(pieces))
    # Owners count through all walks, so sorting by them keeps the walks in order; a walk of
    # another tool may name a hole before its exterior.
    order = np.argsort(2 * owner + (owner != np.arange(len(owner))), kind="stable")
    plain = np.ones(count, dtype=np.bool_)
    plain[walks] = False
    alone = np.flatnonzero(plain)
    row = np.concatenate([alone, found[order]])
    part = np.concatenate([np.full(len(alone), -1), owner[order]])
    merged = np.argsort(row, kind="stable")
    row, part = row[merged], part[merged]
    index, rings = _ranges(
        np.concatenate([offsets[alone], begin[order]])[merged],
        np.concatenate([offsets[alone + 1], end[order]])[merged],
    )
    fresh = np.ones(len(row), dtype=np.bool_)
    fresh[1:] = (row[1:] != row[:-1]) | (part[1:] != part[:-1])
    parts = np.append(np.flatnonzero(fresh), len(row))
    rows = offsets_of(np.bincount(row[fresh], minlength=count))
    return Rings(xy[index], rings, parts, rows)


def _ranges(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Return the indexes of all ranges one after the other, and their offsets."""
    lengths = end - begin
    offsets = offsets_of(lengths)
    return np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths), offsets


def _parse(xy: Floats, offsets: Ints) -> tuple[Ints, Ints, Ints]:
    """Find the rings of all walks: (which walk, begin, end) of each, in order."""
    nothing = np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero(np.diff(offsets) >= SHORTEST_WALK)
    rows = rows[(xy[offsets[rows]] == xy[offsets[rows + 1] - 1]).all(axis=1)]
    if len(rows) == 0:
        return nothing, nothing, nothing
    index, local = gather(offsets, rows)
    anchors = np.repeat(xy[offsets[rows]], np.diff(local), axis=0)
    is_anchor = (xy[index] == anchors).all(axis=1)
    # The anchor begins and closes the first ring and ends the walk.
    rows = rows[np.add.reduceat(is_anchor.astype(np.int64), local[:-1]) >= 3]
    if len(rows) == 0:
        return nothing, nothing, nothing
    index, local = gather(offsets, rows)
    following, same = _next_occurrences(xy[index], local)
    which: list[int] = []
    begins: list[int] = []
    ends: list[int] = []
    for row, first, last, base in zip(
        rows.tolist(), local[:-1].tolist(), local[1:].tolist(), offsets[rows].tolist(), strict=True
    ):
        pieces = _read_walk(first, last, following, same)
        which += [row] * len(pieces)
        begins += [begin - first + base for begin, _ in pieces]
        ends += [end - first + base for _, end in pieces]
    return (
        np.array(which, dtype=np.int64),
        np.array(begins, dtype=np.int64),
        np.array(ends, dtype=np.int64),
    )


def _next_occurrences(xy: Floats, offsets: Ints) -> tuple[list[int], list[int]]:
    """Return where each vertex comes next in its row (-1: never), and a number for each place."""
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((xy[:, 1], xy[:, 0], row))
    ordered = xy[order]
    equal = (ordered[1:] == ordered[:-1]).all(axis=1) & (row[order[1:]] == row[order[:-1]])
    following = np.full(len(xy), -1, dtype=np.int64)
    following[order[:-1][equal]] = order[1:][equal]
    same = np.zeros(len(xy), dtype=np.int64)
    same[order[1:]] = np.cumsum(~equal)
    return following.tolist(), same.tolist()


def _read_walk(
    first: int, last: int, following: list[int], same: list[int]
) -> list[tuple[int, int]]:
    """Return (begin, end) of each ring of a walk; nothing if it does not fit the grammar."""
    anchor = same[first]
    close = following[first]
    if close - first < 3:
        return []
    pieces = [(first, close)]
    place = close + 1
    while place < last:
        close = following[place]
        if close - place < 3 or close + 1 >= last or same[close + 1] != anchor:
            return []
        pieces.append((place, close))
        place = close + 2
    return pieces if len(pieces) > 1 else []


def nest(rings: Sequence[ArrayLike]) -> list[list[Floats]]:
    """Sort rings into parts by even-odd nesting.

    Parameters
    ----------
    rings : sequence of array_like, shape (n, 2)
        Rings that may touch but should not cross.

    Returns
    -------
    list of parts
        A ring inside an even number of others is an exterior, the others are holes of the ring
        around them; both in the order given. Empty rings are left out.

    Raises
    ------
    GeometryError
        If a ring is not of shape (n, 2).
    """
    arrays = [array for array in map(_ring, rings) if len(array)]
    if len(arrays) < 2:
        return [arrays] if arrays else []
    owner = owners(
        np.concatenate(arrays),
        offsets_of([len(array) for array in arrays]),
        np.array([0, len(arrays)], dtype=np.int64),
    )
    parts: dict[int, list[Floats]] = {
        index: [arrays[index]] for index, own in enumerate(owner.tolist()) if own == index
    }
    for index, own in enumerate(owner.tolist()):
        if own != index:
            parts[own].append(arrays[index])
    return list(parts.values())


def _ring(ring: ArrayLike) -> Floats:
    """Return a ring as float64 of shape (n, 2)."""
    xy = np.asarray(ring, dtype=np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise GeometryError(f"ring has shape {xy.shape}; expected (n, 2), x then y")
    return xy
