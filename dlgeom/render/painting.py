"""Values into arrays: the one painter of all id maps and masks.

Pixels are set whole or not at all, so that an id map holds only ids that were given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import raster
from dlgeom.geometry.ragged import Rings, Runs
from dlgeom.render import brush
from dlgeom.render.marks import Marks
from dlgeom.render.regions import Region, Window, regions_of_runs

__all__ = ["OVERLAPS", "RULES", "Overlap", "Rule", "paint", "regions"]

Shape = tuple[int, int]
Overlap = Literal["later", "earlier", "error", "void"]
Rule = Literal["exact", "fast"]

OVERLAPS: tuple[Overlap, ...] = ("later", "earlier", "error", "void")
RULES: tuple[Rule, ...] = ("exact", "fast")
BATCH = 256
"""Shapes that are rasterised at once."""


def regions(
    marks: Sequence[Marks], shape: Shape, window: Window, rule: Rule = "exact"
) -> Iterator[list[Region]]:
    """Return the pixels of each of some marks, as regions that do not overlap.

    Parameters
    ----------
    marks : sequence of Marks
        What to paint.
    shape : tuple of int
        (height, width) of the whole image.
    window : tuple of int
        Left, top, right, bottom of what is painted; regions are in its coordinates.
    rule : {"exact", "fast"}
        How areas become pixels.
    """
    fills = _areas(marks, shape, window) if rule == "exact" else None
    for one in marks:
        if one.parts is None and one.mask is None:
            yield brush.stroke_region(one, shape, window)
        elif fills is not None:
            yield next(fills)
        else:
            yield _quick_region(one, shape, window)


def _areas(marks: Sequence[Marks], shape: Shape, window: Window) -> Iterator[list[Region]]:
    """Return the exact pixels of those marks that are areas."""
    areas = [one for one in marks if one.parts is not None or one.mask is not None]
    for start in range(0, len(areas), BATCH):
        batch = areas[start : start + BATCH]
        try:
            runs = _runs(batch, shape)
        except GeometryError:
            for one in batch:
                _refuse(one, shape)
            raise
        yield from regions_of_runs(runs, window)


def _refuse(one: Marks, shape: Shape) -> None:
    """Raise `GeometryError` that names the owner, if an area cannot be rasterised."""
    try:
        _runs([one], shape)
    except GeometryError as error:
        raise GeometryError(f"{one.owner!r}: {error}") from error


def _runs(areas: Sequence[Marks], shape: Shape) -> Runs:
    """Return the masks of areas: those of the library's one rule."""
    outlines = Rings.of([None if one.parts is None else _near(one.parts, shape) for one in areas])
    filled = raster.rows_to_runs(
        outlines, np.tile(np.array(shape, dtype=np.int64), (len(areas), 1))
    )
    if all(one.mask is None for one in areas):
        return filled
    return Runs.of(
        (filled.row(row) if one.mask is None else one.mask.counts, shape)
        for row, one in enumerate(areas)
    )


def _near(parts: list[list[NDArray[np.float64]]], shape: Shape) -> Any:
    """Return parts; an upright rectangle that reaches far out is cut, which changes no pixel."""
    if len(parts) == 1 and len(parts[0]) == 1 and len(parts[0][0]) == 4:
        ring = parts[0][0]
        if not brush.is_near(ring) and _is_upright(ring):
            return [[np.clip(ring, -2.0, (shape[1] + 2.0, shape[0] + 2.0))]]
    return parts


def _is_upright(ring: NDArray[np.float64]) -> bool:
    moved = np.roll(ring, -1, axis=0) != ring
    return not moved.all(axis=1).any()


def _quick_region(one: Marks, shape: Shape, window: Window) -> list[Region]:
    """Return the pixels of an area by the quick rule."""
    if one.parts is None or not all(brush.is_near(ring) for part in one.parts for ring in part):
        return next(_areas([one], shape, window))
    return brush.fill_region(one.parts, shape, window)


def paint(
    canvas: NDArray[Any],
    marks: Sequence[Marks],
    values: Sequence[Any],
    shape: Shape,
    window: Window,
    *,
    rule: Rule = "exact",
    overlap: Overlap = "later",
    void: Any = None,
) -> None:
    """Paint marks into an array, in their order.

    Parameters
    ----------
    canvas : ndarray, shape (h, w)
        Changed in place; as large as the window.
    marks : sequence of Marks
        What to paint.
    values : sequence
        What to paint each with; the dtype of the canvas holds them.
    shape, window, rule
        As for `regions`.
    overlap : {"later", "earlier", "error", "void"}
        Who gets a pixel that several claim: the later one, the earlier one, nobody (an error),
        or nobody (the value `void`).

    Raises
    ------
    GeometryError
        If two claim a pixel and `overlap` is ``error``.
    """
    if overlap == "earlier":
        marks, values = marks[::-1], values[::-1]
    if overlap in ("error", "void"):
        _paint_apart(canvas, marks, values, shape, window, rule, overlap, void)
        return
    import cv2

    whole = window == (0, 0, shape[1], shape[0])
    fills = _areas(marks, shape, window) if rule == "exact" else _quick(marks, shape, window)
    for one, value in zip(marks, values, strict=True):
        if one.parts is None and one.mask is None:
            if whole:
                brush.stroke(canvas, one, value, shape)
            else:
                for region in brush.stroke_region(one, shape, window):
                    region.stamp(canvas, value)
            continue
        for found in next(fills):
            if isinstance(found, Region):
                found.stamp(canvas, value)
            else:
                cv2.fillPoly(canvas, found, value)


def _quick(
    marks: Sequence[Marks], shape: Shape, window: Window
) -> Iterator[list[Region] | list[list[NDArray[np.int32]]]]:
    """Return how to fill those marks that are areas by the quick rule; vertices rounded at once."""
    areas = [one for one in marks if one.parts is not None or one.mask is not None]
    whole = window == (0, 0, shape[1], shape[0])
    for start in range(0, len(areas), BATCH):
        batch = areas[start : start + BATCH]
        outline = Rings.of([one.parts for one in batch])
        if not whole or not brush.is_near(outline.xy):
            yield from (_quick_region(one, shape, window) for one in batch)
            continue
        pixels = brush.to_pixels(outline.xy, shape)
        ends = outline.rings.tolist()
        rings = [pixels[a:b] for a, b in pairwise(ends)]
        at = 0
        for one in batch:
            if one.parts is None:
                yield next(_areas([one], shape, window))
                continue
            if len(one.parts) == 1 == len(one.parts[0]):
                yield [[rings[at]]]
                at += 1
                continue
            parts = []
            for part in one.parts:
                parts.append(rings[at : at + len(part)])
                at += len(part)
            yield parts


def _paint_apart(
    canvas: NDArray[Any],
    marks: Sequence[Marks],
    values: Sequence[Any],
    shape: Shape,
    window: Window,
    rule: Rule,
    overlap: Overlap,
    void: Any,
) -> None:
    """Paint where overlaps are told or left out."""
    if overlap == "void" and void is None:
        raise UsageError("overlap='void' needs void=, the id of pixels that several claim")
    taken = np.zeros(canvas.shape, dtype=np.bool_)
    shared: list[Region] = []
    for index, (found, value) in enumerate(
        zip(regions(marks, shape, window, rule), values, strict=True)
    ):
        for region in found:
            before = region.of(taken) & region.crop
            if before.any():
                if overlap == "error":
                    raise _overlap(marks[index], region, before, window)
                shared.append(Region(np.asarray(before), region.left, region.top))
            region.stamp(canvas, value)
        for region in found:
            region.stamp(taken, True)
    for region in shared:
        region.stamp(canvas, void)


def _overlap(
    one: Marks,
    region: Region,
    before: NDArray[Any],
    window: Window,
) -> GeometryError:
    row, column = (int(place[0]) for place in np.nonzero(before))
    return GeometryError(
        f"{one.owner!r} claims the pixel in column {column + region.left + window[0]} and row "
        f"{row + region.top + window[1]}, which an earlier one has; with overlap='error' each "
        "pixel has one owner. Correct the shapes, or choose another overlap="
    )
