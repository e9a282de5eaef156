"""Rings to pixels: the one rule of the library, equal to pycocotools bit for bit.

A vertex goes to the cell of a fifth of a pixel it lies in, the outline is walked from cell to
cell, and each column is filled by parity between the rows where the walk crosses its middle. So
a pixel is set when its centre is inside (ties: left and top edge out, right and bottom edge in),
what leaves the image is clipped, and a ring that crosses itself is filled even-odd.

The result is pycocotools' own, called at the full image size: vertices are never shifted,
clipped or put on another grid first, since each of these changes masks. Native code sees rings
only after `faults` found none that could harm it. Images too large for its 32-bit positions take
the same walk in numpy. Outlines along pixel edges, which every mask has, need no walk: they are
filled from their edges alone where they have many rings, or more than native code may get.

Counts and shapes are those of `dlgeom.geometry.rle`; rings are float64 of shape (n, 2), x then
y, closed without repeating the first vertex (repeating it changes nothing).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import _pixel_edges as pixel_edges
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import Rings, Runs, gather, offsets_of
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "FAULTS",
    "check_rings",
    "even_odd_to_runs",
    "faults",
    "fifth_cells",
    "part_to_runs",
    "parts_to_crop",
    "parts_to_mask",
    "parts_to_runs",
    "ring_to_runs",
    "rows_to_runs",
]

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]
Counts = NDArray[np.uint32]
Shape = tuple[int, int]

FAULTS = (
    "",
    "polygon.too_few",
    "number.not_finite",
    "geometry.outside_image",
    "limit.points",
    "polygon.zero_area",
)
TOO_FEW, NOT_FINITE, OUTSIDE, POINTS, ZERO_AREA = range(1, 6)

RULES = {
    TOO_FEW: "a ring has 3 vertices or more. Add vertices, or use a line or a box",
    NOT_FINITE: "coordinates are finite numbers. Remove NaN and infinity",
    OUTSIDE: "coordinates and the length of the outline have limits (coordinate, outline). "
    "Correct the ring",
    POINTS: "the vertices of a ring have a limit (ring_points). Simplify the ring",
    ZERO_AREA: "a ring encloses an area; all vertices lie on one line. Correct the ring",
}

SCALE = 5.0  # cells of the walk in a pixel
NATIVE_PIXELS = 1 << 31  # positions in pycocotools are products of C ints
FEW_RINGS = 4  # up to which rings are looked at and decoded one by one (measured)
# Vertices times farthest coordinate up to which no limit of coordinates or outlines is passed.
SURELY_NEAR = min(DEFAULT_LIMITS.outline, DEFAULT_LIMITS.coordinate) / 2
FLAT = 1e-9  # pixels from one line up to which a ring has no extent


# ---------------------------------------------------------------- checks


def faults(xy: Floats, rings: Offsets, *, limits: Limits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """Find what forbids each ring, many rings at once.

    Checked in this order, the first found is told: not finite, fewer than 3 vertices, more
    vertices than `limits.ring_points`, a coordinate beyond `limits.coordinate` or an outline
    (closed, sum of max(abs(dx), abs(dy))) longer than `limits.outline`, all vertices within
    1e-9 px of one line. A ring that crosses itself is fine.

    Parameters
    ----------
    xy : ndarray of float64, shape (V, 2)
        Vertices of all rings.
    rings : ndarray of int64, shape (R + 1,)
        Ring r has the vertices ``xy[rings[r]:rings[r + 1]]``.
    limits : Limits
        Limits of coordinates, outlines and vertices.

    Returns
    -------
    ndarray of uint8, shape (R,)
        0 where nothing is wrong, otherwise an index into `FAULTS`.
    """
    sizes = np.diff(rings)
    found = np.zeros(len(sizes), dtype=np.uint8)
    if not len(sizes):
        return found
    used = xy[rings[0] : rings[-1]]
    farthest = max(float(used.max(initial=0.0)), -float(used.min(initial=0.0)))
    if not farthest <= limits.coordinate:  # true for NaN as well
        found[_any_of(~(np.abs(xy) <= limits.coordinate), rings)] = OUTSIDE
        found[_any_of(~np.isfinite(xy), rings)] = NOT_FINITE
        farthest = limits.coordinate
    if int(sizes.min()) < 3:
        found[(sizes < 3) & (found != NOT_FINITE)] = TOO_FEW
    if int(sizes.max()) > limits.ring_points:
        found[(sizes > limits.ring_points) & (found != NOT_FINITE)] = POINTS
    fine = found == 0
    # No edge is longer than twice the farthest coordinate: most rings need no walk.
    long = np.flatnonzero(fine & (sizes * (2 * farthest) > limits.outline))
    if len(long):
        found[long[_lengths(*_chosen(xy, rings, long)) > limits.outline]] = OUTSIDE
        fine = found == 0
    good = np.arange(len(sizes)) if fine.all() else np.flatnonzero(fine)
    part, part_rings = (xy, rings) if len(good) == len(sizes) else _chosen(xy, rings, good)
    thin = _maybe_flat(part, part_rings, farthest)
    if len(thin):
        flat = _flat(*_chosen(part, part_rings, thin))
        found[good[thin[flat]]] = ZERO_AREA
    return found


def _chosen(xy: Floats, rings: Offsets, rows: NDArray[np.int64]) -> tuple[Floats, Offsets]:
    """Return the vertices and offsets of the chosen rings."""
    index, offsets = gather(rings, rows)
    return xy[index], offsets


def _any_of(bad: NDArray[np.bool_], rings: Offsets) -> NDArray[np.bool_]:
    """Tell for each ring whether a number of its vertices is bad; rings may be empty."""
    before = np.concatenate(([0], np.cumsum(bad.any(axis=1))))
    return np.asarray(before[rings[1:]] > before[rings[:-1]])


def _nexts(values: Floats, rings: Offsets) -> Floats:
    """Return the value of the next vertex of each; rings have vertices, from 0 on."""
    following = np.empty_like(values)
    following[:-1] = values[1:]
    following[rings[1:] - 1] = values[rings[:-1]]
    return following


def _lengths(xy: Floats, rings: Offsets) -> Floats:
    """Return sum of max(abs(dx), abs(dy)) over the closed outline of each ring."""
    steps = np.abs(_nexts(xy, rings) - xy).max(axis=1)
    return np.add.reduceat(steps, rings[:-1])


def _maybe_flat(xy: Floats, rings: Offsets, farthest: float) -> NDArray[np.int64]:
    """Return the few rings of 3 vertices or more that one triangle of theirs lets pass as flat."""
    starts, sizes = rings[:-1], np.diff(rings)
    corner = xy[starts]
    one = xy[starts + sizes // 3] - corner
    two = xy[starts + 2 * sizes // 3] - corner
    twice = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    # What three vertices within FLAT of a line can span, and the rounding of the products.
    return np.flatnonzero(twice <= FLAT + farthest * (8 * FLAT + 1e-15 * farthest))


def _flat(xy: Floats, rings: Offsets) -> NDArray[np.bool_]:
    """Tell for each ring whether all vertices are within `FLAT` pixels of one line."""
    starts, sizes = rings[:-1], np.diff(rings)
    away = xy - np.repeat(xy[starts], sizes, axis=0)
    reach = np.abs(away).max(axis=1)
    extent = np.maximum.reduceat(reach, starts)
    is_far = reach == np.repeat(extent, sizes)
    place = np.flatnonzero(is_far)
    owner = np.repeat(np.arange(len(sizes)), sizes)[place]
    far = np.empty(len(sizes), dtype=np.int64)
    far[owner[::-1]] = place[::-1]  # the first farthest vertex of each ring
    way = away[far] / np.where(extent > 0, extent, 1.0)[:, None]  # longest side is 1
    turn = np.repeat(way, sizes, axis=0)
    distance = np.abs(away[:, 0] * turn[:, 1] - away[:, 1] * turn[:, 0])
    return np.asarray(np.maximum.reduceat(distance, starts) <= FLAT)


def check_rings(rings: Sequence[ArrayLike], *, limits: Limits = DEFAULT_LIMITS) -> None:
    """Raise `GeometryError` that names the first ring with a fault and the fault."""
    _refuse(Rings.of([[list(rings)]]), limits=limits)


def _refuse(outline: Rings, *, limits: Limits = DEFAULT_LIMITS, flat: bool = False) -> None:
    """Raise for the first ring with a fault; `flat` lets rings without area through."""
    found = faults(outline.xy, outline.rings, limits=limits)
    if flat:
        found[found == ZERO_AREA] = 0
    bad = np.flatnonzero(found)
    if len(bad):
        raise _fault_of(outline, int(bad[0]), int(found[bad[0]]))


def _fault_of(outline: Rings, index: int, fault: int) -> GeometryError:
    size = int(outline.rings[index + 1] - outline.rings[index])
    return GeometryError(f"ring {index} of {size} vertices: {FAULTS[fault]}; {RULES[fault]}")


def _may_fill(outline: Rings) -> bool:
    """Tell whether native code may have all rings; raise if one can be filled in no way."""
    found = faults(outline.xy, outline.rings)
    bad = np.flatnonzero((found != 0) & (found != ZERO_AREA)).tolist()
    for index in bad:
        ring = outline.ring(index)
        if not pixel_edges.fits(ring, np.array([0, len(ring)])):
            raise _fault_of(outline, index, int(found[index]))
    return not bad


def _surely_fine(ring: Floats) -> bool:
    """Tell quickly that one ring has no fault but, perhaps, no area; False is undecided."""
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
        return False
    values = ring.ravel()
    # Half the fixed cost of max() and min(); NaN is found by both and compares false.
    greatest, least = values[values.argmax()], values[values.argmin()]
    # No edge is longer than twice the farthest coordinate, so this bounds the outline as well.
    near = SURELY_NEAR / len(ring)
    return bool(-near <= least and greatest <= near) and len(ring) <= DEFAULT_LIMITS.ring_points


def fifth_cells(values: ArrayLike) -> NDArray[np.int64]:
    """Return the cell of a fifth of a pixel of each coordinate, ``(int)(5 * x + .5)`` of C.

    Two outlines with the same cells have the same mask. The cast cuts towards zero, as C does,
    so the cell around 0 is wider than the others.
    """
    scaled = np.asarray(values, dtype=np.float64) * SCALE
    scaled += 0.5
    return scaled.astype(np.int64)


# ---------------------------------------------------------------- rings to runs


def _shape_of(shape: Shape) -> Shape:
    height, width = shape
    if type(height) is not int or type(width) is not int:
        height, width = int(height), int(width)
    if height <= 0 or width <= 0:
        raise GeometryError(f"image is {height} x {width}; height and width are integers > 0")
    return height, width


def _fill(rings: Sequence[Floats], shape: Shape) -> tuple[Counts, Offsets]:
    """Return counts and offsets of each ring's mask; the rings have been checked."""
    if not rings:
        return np.zeros(0, dtype=np.uint32), np.zeros(1, dtype=np.int64)
    height, width = shape
    if height * width >= NATIVE_PIXELS:
        masks = [_walk(ring, shape) for ring in rings]
        return np.concatenate(masks), offsets_of([len(counts) for counts in masks])
    from pycocotools import mask as native

    # A first ring of 4 numbers would be read as a box: checked rings have 6 or more.
    filled = native.frPyObjects([ring.reshape(-1) for ring in rings], height, width)
    if len(filled) > FEW_RINGS:
        return rle.from_strings([one["counts"] for one in filled])
    if len(filled) == 1:
        counts = rle.from_string(filled[0]["counts"])
        return counts, np.array([0, len(counts)], dtype=np.int64)
    masks = [rle.from_string(one["counts"]) for one in filled]
    return np.concatenate(masks), offsets_of([len(counts) for counts in masks])


def _walk(ring: Floats, shape: Shape) -> Counts:
    """Fill one ring as pycocotools' ``rleFrPoly`` does, with 64-bit positions."""
    height, width = shape
    cells = fifth_cells(ring)
    ends = np.roll(cells, -1, axis=0)
    spread = np.abs(ends - cells)
    flat = spread[:, 0] >= spread[:, 1]  # walk along x; otherwise along y
    # An edge is walked from its lower end, whichever way it goes, so rounding is the same.
    lead_start = np.where(flat, cells[:, 0], cells[:, 1])
    lead_end = np.where(flat, ends[:, 0], ends[:, 1])
    side_start = np.where(flat, cells[:, 1], cells[:, 0])
    side_end = np.where(flat, ends[:, 1], ends[:, 0])
    back = lead_start > lead_end
    low = np.where(back, lead_end, lead_start)
    side_low = np.where(back, side_end, side_start)
    side_high = np.where(back, side_start, side_end)
    steps = spread.max(axis=1)
    slope = (side_high - side_low) / np.maximum(steps, 1)
    offsets = offsets_of(steps + 1)
    edge = np.repeat(np.arange(len(ring)), steps + 1)
    at = np.arange(offsets[-1]) - offsets[edge]
    at = np.where(back[edge], steps[edge] - at, at)
    lead = low[edge] + at
    side = (side_low[edge] + slope[edge] * at + 0.5).astype(np.int64)
    u, v = np.where(flat[edge], lead, side), np.where(flat[edge], side, lead)

    moved = np.flatnonzero(u[1:] != u[:-1])
    before, after = u[moved], u[moved + 1]
    column = np.where(after < before, after, after - 1) - 2  # middle: (u + .5) / 5 - .5
    whole = (column % 5 == 0) & (column >= 0) & (column // 5 < width)
    column, moved = column[whole] // 5, moved[whole]
    row = (np.minimum(v[moved], v[moved + 1]) + 0.5) / SCALE - 0.5
    row = np.ceil(np.clip(row, 0, height)).astype(np.int64)
    return rle.from_flips(np.sort(column * height + row), height * width)


def ring_to_runs(ring: Floats, shape: Shape) -> Counts:
    """Fill one ring of shape (n, 2); counts of the mask of `shape`, (height, width).

    Raises
    ------
    GeometryError
        If the ring has fewer than 3 vertices, a number that is not finite, or is beyond the
        limits. A ring without area is fine: its mask is empty, or nearly. A ring along pixel
        edges may be as long as a mask of the limit `pixels` makes it.
    """
    size = _shape_of(shape)
    points = np.asarray(ring, dtype=np.float64)
    if not _surely_fine(points):
        outline = Rings.of([[[points]]])
        if pixel_edges.fits(points, outline.rings):
            return pixel_edges.fill(points, outline.rings, outline.parts, size)
        _refuse(outline, flat=True)
    return _fill([points], size)[0]


def part_to_runs(part: Sequence[Floats], shape: Shape) -> Counts:
    """Fill one part, exterior XOR holes; a part without rings is an empty mask."""
    return parts_to_runs([part], shape)


def even_odd_to_runs(rings: Sequence[Floats], shape: Shape) -> Counts:
    """Fill rings even-odd: a pixel is set when an odd number of the rings holds it."""
    return parts_to_runs([rings], shape)


def parts_to_runs(parts: Sequence[Sequence[Floats]], shape: Shape) -> Counts:
    """Fill an outline: OR over its parts of (exterior XOR holes).

    Parameters
    ----------
    parts : sequence of sequence of ndarray
        Each part is its exterior and then its holes, rings of shape (n, 2).
    shape : (int, int)
        Height and width of the image.

    Returns
    -------
    ndarray of uint32
        Canonical counts.

    Raises
    ------
    GeometryError
        As `ring_to_runs` does.
    """
    if len(parts) == 1 and len(parts[0]) == 1:
        return ring_to_runs(parts[0][0], shape)
    size = _shape_of(shape)
    rings = [np.asarray(ring, dtype=np.float64) for part in parts for ring in part]
    if len(rings) <= FEW_RINGS and all(map(_surely_fine, rings)):
        offsets = offsets_of([len(part) for part in parts])
    else:
        outline = Rings.of([[list(part) for part in parts]])
        if pixel_edges.fits(outline.xy, outline.rings):
            return pixel_edges.fill(outline.xy, outline.rings, outline.parts, size)
        offsets = outline.parts
        if not _may_fill(outline):
            masks = [ring_to_runs(ring, size) for ring in rings]
            lengths = offsets_of([len(counts) for counts in masks])
            return _join(np.concatenate(masks), lengths, offsets, size[0] * size[1])
    return _join(*_fill(rings, size), offsets, size[0] * size[1])


def _join(counts: Counts, rings: Offsets, parts: Offsets, pixels: int) -> Counts:
    """Combine the masks of rings: XOR inside each part, OR over the parts.

    Ring r has ``counts[rings[r]:rings[r + 1]]``; part p has the rings ``parts[p]:parts[p + 1]``.
    """
    if len(rings) == 2 and len(parts) == 2:
        return counts
    masks: list[Counts] = []
    for first, last in pairwise(parts.tolist()):
        if last == first + 1:
            masks.append(counts[rings[first] : rings[last]])
        elif last > first:
            ends = [
                np.cumsum(counts[rings[ring] : rings[ring + 1] - 1], dtype=np.int64)
                for ring in range(first, last)
            ]
            masks.append(rle.from_flips(np.sort(np.concatenate(ends)), pixels))
    return masks[0] if len(masks) == 1 else rle.union_many(masks, pixels)


def rows_to_runs(outline: Rings, shapes: NDArray[np.int64]) -> Runs:
    """Fill the outlines of many rows; each row is the OR over parts of (exterior XOR holes).

    Rows of one image size go to native code in one call, and all texts that come back are
    decoded at once.

    Parameters
    ----------
    outline : Rings
        N rows. A row without parts gets no mask.
    shapes : ndarray of int64, shape (N, 2)
        Height and width of each row's image.

    Raises
    ------
    GeometryError
        If a ring has fewer than 3 vertices, is not finite or beyond the limits, or a side of an
        image that is needed is not > 0.
    """
    if not len(outline):
        return Runs.empty(0)
    has = outline.part_counts > 0
    rows = np.flatnonzero(has)
    if not len(rows):
        return Runs.empty(len(outline))
    if int(shapes[rows].min()) <= 0:
        bad = int(rows[(shapes[rows] <= 0).any(axis=1)][0])
        _shape_of((int(shapes[bad, 0]), int(shapes[bad, 1])))
    if not _may_fill(outline):
        return Runs.of(
            (parts_to_runs(parts, shape), shape) if parts else None
            for parts, shape in zip(outline, map(tuple, shapes.tolist()), strict=True)
        )
    ring_counts, ring_offsets = _fill_rows(outline, shapes)
    ring_rows = outline.row_rings
    sizes = np.diff(ring_rows)
    if int(sizes.max()) == 1:  # one ring a row: nothing to combine
        kept = ring_offsets[ring_rows]
        return Runs(ring_counts, kept, np.where(has[:, None], shapes, 0))
    masks: list[tuple[Counts, Shape] | None] = []
    for row in range(len(outline)):
        if not has[row]:
            masks.append(None)
            continue
        height, width = shapes[row].tolist()
        first, last = int(ring_rows[row]), int(ring_rows[row + 1])
        if last == first + 1:
            masks.append((ring_counts[ring_offsets[first] : ring_offsets[last]], (height, width)))
            continue
        parts = outline.parts[outline.rows[row] : outline.rows[row + 1] + 1] - first
        rings = ring_offsets[first : last + 1]
        masks.append((_join(ring_counts, rings, parts, height * width), (height, width)))
    return Runs.of(masks)


def _fill_rows(outline: Rings, shapes: NDArray[np.int64]) -> tuple[Counts, Offsets]:
    """Return the masks of all rings in their order, filled in groups of one image size."""
    ring_shapes = np.repeat(shapes, np.diff(outline.row_rings), axis=0)
    order = np.lexsort((ring_shapes[:, 1], ring_shapes[:, 0]))
    ordered = ring_shapes[order]
    change = (ordered[1:] != ordered[:-1]).any(axis=1)
    begins = np.concatenate(([0], np.flatnonzero(change) + 1, [len(order)])).tolist()
    flat = outline.xy.reshape(-1)
    bounds = (2 * outline.rings).tolist()
    blocks: list[Counts] = []
    lengths: list[Offsets] = []
    for first, last in pairwise(begins):
        rings = [flat[bounds[r] : bounds[r + 1]].reshape(-1, 2) for r in order[first:last].tolist()]
        height, width = ordered[first].tolist()
        counts, offsets = _fill(rings, (height, width))
        blocks.append(counts)
        lengths.append(np.diff(offsets))
    all_offsets = offsets_of(np.concatenate(lengths))
    counts = np.concatenate(blocks)
    if len(begins) == 2:
        return counts, all_offsets
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    index, offsets = gather(all_offsets, back)
    return counts[index], offsets


def parts_to_mask(parts: Sequence[Sequence[Floats]], shape: Shape) -> NDArray[np.bool_]:
    """Fill an outline as `parts_to_runs` does and return the mask, bool of shape (H, W)."""
    return rle.decode(parts_to_runs(parts, shape), shape)


def parts_to_crop(
    parts: Sequence[Sequence[Floats]], shape: Shape
) -> tuple[NDArray[np.bool_], int, int]:
    """Fill an outline and return the pixels of the tight bounds with their left and top."""
    return rle.decode_crop(parts_to_runs(parts, shape), shape)
