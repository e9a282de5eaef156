"""Rows of the task segment: one ring an object, parts and holes joined by bridges.

A row stands for the same pixels as its source (pycocotools' rule). One ring inside the image
keeps its vertices, each within its fifth of a pixel, and nothing needs to be drawn to know so.
Several rings are joined by `bridges`: a bridge is walked forth and back, which an even-odd fill
does not see, so that the row is the exclusive-or of its rings. That is the mask as long as parts
share no pixel; rows whose parts come near each other are drawn and compared. What cannot be
written so (it leaves the image, its parts overlap) becomes the pixel-edge outline of its mask.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import BOX, KEYPOINTS, OUTLINE, ROTATED, Chunk
from dlgeom.converters.yolo.write_joins import flat_rings, join, rows_of, rows_that_return
from dlgeom.converters.yolo.write_losses import Ledger
from dlgeom.converters.yolo.write_table import Scale, Settings, Table
from dlgeom.geometry.ragged import Rings, Runs, gather, offsets_of

__all__ = ["segment_table"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class _Drawing(msgspec.Struct):
    """Rows as vertices: row i is ``pool[starts[i]:starts[i] + lengths[i]]``, digits of x and y.

    The pool begins with the vertices of `outline`, as they are; rings that were joined follow.
    `places` are the decimals shown of each number, and `good` tells which rows can be written.
    """

    outline: Rings
    pool: Ints
    places: NDArray[np.int8] | None
    starts: Ints
    lengths: Ints
    good: Bools


def segment_table(
    chunk: Chunk, sizes: Ints, scale: Scale, ledger: Ledger, settings: Settings
) -> Table:
    """Return ``x1 y1 x2 y2 ...`` of each row.

    Parameters
    ----------
    chunk : Chunk
        Rows that all have a label.
    sizes : ndarray of int64, shape (N, 2)
        Width and height of each row's image.
    scale : Scale
        Decimals of each row.
    ledger : Ledger
        Takes what is approximated or dropped.
    settings : Settings
        Options of the run.
    """
    outline = _outlines(chunk, ledger)
    ledger.change((chunk.shapes & KEYPOINTS) != 0, "geometry.keypoints_lost")
    if settings.fill_holes:
        outline = _without_holes(outline, np.arange(len(chunk)), ledger)
    drawn = _draw(outline, sizes, scale)
    _walk(drawn, sizes, scale.decimals, np.ones(len(chunk), dtype=np.bool_))
    every = np.arange(len(chunk))
    _drop_endless(drawn.outline, every[drawn.good], every, sizes, ledger, settings)
    traced, rows = _trace_rest(chunk, drawn, sizes, ledger, settings)
    pixels: _Drawing | None = None
    if len(rows):
        _drop_endless(traced, np.arange(len(rows)), rows, sizes[rows], ledger, settings)
        pixels = _draw(traced, sizes[rows], _chosen_scale(scale, rows))
        _walk(pixels, sizes[rows], scale.decimals, np.zeros(len(rows), dtype=np.bool_))
        ledger.drop(rows[~pixels.good], "mask.empty")
    table = _assemble(drawn, pixels, rows, ledger.alive, scale.decimals)
    if settings.measure:
        table.replaced = _replacements(drawn, pixels, rows, ledger)
    return table


def _drop_endless(
    outline: Rings,
    places: NDArray[np.integer[Any]],
    rows: NDArray[np.integer[Any]],
    sizes: Ints,
    ledger: Ledger,
    settings: Settings,
) -> None:
    """Drop rows whose rings our own reader refuses with the same limits.

    `places` are the rows of `outline` to look at, and `rows` those of the ledger that they are.
    """
    limits = settings.limits
    counts = np.diff(outline.row_vertices)[places]
    # Inside of its image no edge is longer than the image: most rows need no walk.
    reach = counts * sizes[places].max(axis=1, initial=0)
    places = places[(reach > limits.outline) | (counts > limits.ring_points)]
    if not len(places):
        return
    from dlgeom.geometry import raster

    some = outline.take(places)
    found = raster.faults(some.xy, some.rings, limits=limits)
    endless = np.flatnonzero((found == raster.OUTSIDE) | (found == raster.POINTS))
    ledger.drop(rows[places[rows_of(endless, some.row_rings)]], "limit.points")


def _unfillable(outline: Rings) -> Bools:
    """Return which rows have a ring that cannot be filled: its walk takes too long."""
    from dlgeom.geometry import _pixel_edges, raster

    found = raster.faults(outline.xy, outline.rings)
    far = np.flatnonzero((found == raster.OUTSIDE) | (found == raster.POINTS)).tolist()
    edges = [_pixel_edges.fits(r := outline.ring(k), np.array([0, len(r)])) for k in far]
    wrong = np.zeros(len(outline), dtype=np.bool_)
    lost = np.array([k for k, fits in zip(far, edges, strict=True) if not fits], dtype=np.int64)
    wrong[rows_of(lost, outline.row_rings)] = True
    return wrong


def _chosen_scale(scale: Scale, rows: NDArray[np.integer[Any]]) -> Scale:
    """Return the scale of some rows, with the same decimals in the digits."""
    chosen = Scale(np.zeros((len(rows), 2), dtype=np.int64), None)
    chosen.enough, chosen.rows = scale.enough[rows], scale.rows[rows]
    chosen.decimals, chosen.uniform = scale.decimals, scale.uniform
    return chosen


def _outlines(chunk: Chunk, ledger: Ledger) -> Rings:
    """Return the polygons of the rows; boxes of rows without a polygon or mask have four corners.

    Rows without an area are dropped.
    """
    bare = (chunk.outline.part_counts == 0) & ~chunk.runs.present
    if not bare.any():
        return chunk.outline
    # A shape that the reader left undecoded, against what the writer asked for, is no box.
    area = (chunk.shapes & OUTLINE) != 0
    rotated = bare & ~area & ((chunk.shapes & ROTATED) != 0)
    upright = bare & ~area & ~rotated & ((chunk.shapes & BOX) != 0)
    ledger.drop(bare & ~rotated & ~upright, "geometry.none")
    ledger.drop(upright & ((chunk.shapes & KEYPOINTS) != 0), "geometry.none")
    ledger.change(rotated, "geometry.rotated_to_polygon", 1.0)
    ledger.change(upright, "geometry.box_to_polygon", 1.0)
    squares = np.flatnonzero((rotated | upright) & ledger.alive)
    if not len(squares):
        return chunk.outline
    from dlgeom.geometry.boxes import box_rings
    from dlgeom.geometry.rotated import corners

    four = np.empty((len(squares), 4, 2))
    turned = rotated[squares]
    four[turned] = corners(chunk.rotated[squares[turned]])
    four[~turned] = box_rings(chunk.bounds[squares[~turned]])
    one = np.arange(len(squares) + 1, dtype=np.int64)
    both = Rings.concat([chunk.outline, Rings(four.reshape(-1, 2), 4 * one, one, one)])
    place = np.arange(len(chunk))
    place[squares] = len(chunk) + np.arange(len(squares))
    return both.take(place)


def _without_holes(outline: Rings, rows: NDArray[np.integer[Any]], ledger: Ledger) -> Rings:
    """Return the exteriors alone; `rows` are the rows of the ledger."""
    holed = np.diff(outline.row_rings) > outline.part_counts
    if not holed.any():
        return outline
    from dlgeom.geometry import rings

    outer = outline.parts[:-1]
    index, offsets = gather(outline.rings, outer)
    filled = Rings(outline.xy[index], offsets, np.arange(len(outer) + 1), outline.rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = rings.row_areas(outline) / rings.row_areas(filled)
    ledger.change(rows[holed], "geometry.holes_filled", share[holed])
    return filled


def _draw(outline: Rings, sizes: Ints, scale: Scale) -> _Drawing:
    """Turn vertices into digits that stay in their fifth of a pixel."""
    counts = np.diff(outline.row_vertices)
    # Width and height travel as one item of 16 bytes: np.repeat along an axis is slow.
    pairs = np.ascontiguousarray(sizes, dtype=np.float64).view(np.complex128).ravel()
    spread = np.repeat(pairs, counts).view(np.float64)
    numbers, places = scale.fifths(np.ascontiguousarray(outline.xy).ravel(), spread, 2 * counts)
    return _Drawing(
        outline=outline,
        pool=numbers.reshape(-1, 2),
        places=None if places is None else places.reshape(-1, 2),
        starts=outline.row_vertices[:-1].copy(),
        lengths=counts,
        good=outline.part_counts > 0,
    )


def _walk(drawn: _Drawing, sizes: Ints, decimals: int, doubtful: Bools) -> None:
    """Join the rings of rows that have several, and find the rows that cannot be written.

    Rows that are `doubtful` are checked for parts that overlap; a traced mask has none.
    """
    outline, numbers, good = drawn.outline, drawn.pool, drawn.good
    outside = (numbers < 0) | (numbers > 10**decimals)
    if outside.any():
        good[rows_of(np.flatnonzero(outside.any(axis=1)), outline.row_vertices)] = False
    good[rows_of(flat_rings(numbers, outline.rings), outline.row_rings)] = False
    several = np.diff(outline.row_rings) > 1
    several[rows_that_return(numbers, outline.row_vertices)] = True
    rows = np.flatnonzero(several & good)
    if len(rows):
        order, offsets, joined = join(outline, numbers, rows, sizes, decimals, doubtful)
        good[rows[~joined]] = False
        drawn.starts[rows] = len(numbers) + offsets[:-1]
        drawn.lengths[rows] = np.diff(offsets)
        drawn.pool = np.concatenate([numbers, numbers[order]])
        if drawn.places is not None:
            drawn.places = np.concatenate([drawn.places, drawn.places[order]])


def _trace_rest(
    chunk: Chunk, drawn: _Drawing, sizes: Ints, ledger: Ledger, settings: Settings
) -> tuple[Rings, NDArray[np.intp]]:
    """Return the pixel-edge outlines of masks, and of polygons that cannot be written."""
    from dlgeom.geometry import contours, raster

    failed = np.flatnonzero((drawn.outline.part_counts > 0) & ~drawn.good & ledger.alive)
    endless = _unfillable(drawn.outline.take(failed))
    ledger.drop(failed[endless], "limit.points")
    failed = failed[~endless]
    masks = np.flatnonzero(chunk.runs.present & (drawn.outline.part_counts == 0))
    rows = np.concatenate([failed, masks])
    if not len(rows):
        return Rings.empty(0), rows
    runs = Runs.concat(
        [
            raster.rows_to_runs(drawn.outline.take(failed), sizes[failed][:, ::-1]),
            chunk.runs.take(masks),
        ]
    )
    traced = Rings.concat(
        [
            contours.trace_runs(runs.row(k), (int(height), int(width)))
            for k, (height, width) in enumerate(runs.shape.tolist())
        ]
    )
    nothing = traced.part_counts == 0
    lost = failed[nothing[: len(failed)]]
    if len(lost):
        outline = drawn.outline
        flat = rows_of(flat_rings(drawn.pool[: len(outline.xy)], outline.rings), outline.row_rings)
        ledger.drop(lost[np.isin(lost, flat)], "polygon.zero_area")
    ledger.drop(rows[nothing], "mask.empty")
    ledger.change(failed, "geometry.outlined", 1.0)
    rows, traced = rows[~nothing], traced.take(np.flatnonzero(~nothing))
    if settings.fill_holes:
        traced = _without_holes(traced, rows, ledger)
    return traced, rows


def _assemble(
    drawn: _Drawing,
    pixels: _Drawing | None,
    rows: NDArray[np.intp],
    alive: Bools,
    decimals: int,
) -> Table:
    """Put the vertices of all rows into one table."""
    lengths = np.where(alive & drawn.good, drawn.lengths, 0)
    starts, pool, places = drawn.starts, drawn.pool, drawn.places
    if pixels is not None:
        starts = starts.copy()
        starts[rows] = len(pool) + pixels.starts
        lengths[rows] = np.where(alive[rows], pixels.lengths, 0)
        pool = np.concatenate([pool, pixels.pool])
        if places is not None and pixels.places is not None:
            places = np.concatenate([places, pixels.places])
    offsets = offsets_of(lengths)
    if not np.array_equal(starts, offsets[:-1]):
        index = np.arange(offsets[-1])
        index += np.repeat(starts - offsets[:-1], lengths)
        pool = pool[index]
        places = None if places is None else places[index]
    total = int(offsets[-1])
    return Table(
        numbers=pool[:total].ravel(),
        offsets=2 * offsets,
        decimals=decimals,
        places=None if places is None else places[:total].ravel(),
    )


def _replacements(
    drawn: _Drawing, pixels: _Drawing | None, rows: NDArray[np.intp], ledger: Ledger
) -> Rings:
    """Return what is written for approximated rows, where losses are measured."""
    changed = ledger.alive & (ledger.status != 0)
    blocks = [drawn.outline, Rings.empty(1)]
    place = np.where(changed, np.arange(len(changed)), len(changed))
    if pixels is not None:
        blocks.append(pixels.outline)
        traced = changed[rows]
        place[rows[traced]] = len(changed) + 1 + np.flatnonzero(traced)
    return Rings.concat(blocks).take(place)
