"""Rows of a chunk that follow each other, as views."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk, Origin
from dlgeom.geometry.ragged import Ragged, Rings, Runs

__all__ = ["ragged_rows", "rings_rows", "rows_of", "runs_rows"]


def rings_rows(outline: Rings, start: int, stop: int) -> Rings:
    """Return the rows ``start:stop``; vertices are a view, offsets start at 0 again."""
    rows = outline.rows[start : stop + 1]
    parts = outline.parts[rows[0] : rows[-1] + 1]
    rings = outline.rings[parts[0] : parts[-1] + 1]
    xy = outline.xy[rings[0] : rings[-1]]
    return Rings(xy, rings - rings[0], parts - parts[0], rows - rows[0])


def runs_rows(runs: Runs, start: int, stop: int) -> Runs:
    """Return the rows ``start:stop``; counts and shapes are views."""
    offsets = runs.offsets[start : stop + 1]
    counts = runs.counts[offsets[0] : offsets[-1]]
    return Runs(counts, offsets - offsets[0], runs.shape[start:stop])


def ragged_rows(points: Ragged, start: int, stop: int) -> Ragged:
    """Return the rows ``start:stop``; points are a view."""
    offsets = points.offsets[start : stop + 1]
    return Ragged(points.values[offsets[0] : offsets[-1]], offsets - offsets[0])


def _view(array: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    part = array[start:stop]
    part.flags.writeable = False
    return part


def rows_of(chunk: Chunk, start: int, stop: int) -> Chunk:
    """Return the rows ``start:stop`` of a chunk without copies of their numbers.

    Parameters
    ----------
    chunk : Chunk
        The columns.
    start, stop : int
        First row, and the one after the last, with ``0 <= start <= stop <= len(chunk)``.

    Returns
    -------
    Chunk
        Its arrays are read-only views on those of `chunk`, but for the few offsets of ragged
        columns. The items stay as they are.
    """

    def sparse(column: dict[int, Any]) -> dict[int, Any]:
        if not column:
            return {}
        if len(column) > stop - start:
            return {row - start: column[row] for row in range(start, stop) if row in column}
        return {row - start: value for row, value in column.items() if start <= row < stop}

    origin = chunk.origin
    return Chunk(
        items=chunk.items,
        item=_view(chunk.item, start, stop),
        order=_view(chunk.order, start, stop),
        label=_view(chunk.label, start, stop),
        labels=chunk.labels,
        bounds=_view(chunk.bounds, start, stop),
        rotated=_view(chunk.rotated, start, stop),
        outline=rings_rows(chunk.outline, start, stop),
        runs=runs_rows(chunk.runs, start, stop),
        keypoints=ragged_rows(chunk.keypoints, start, stop),
        score=_view(chunk.score, start, stop),
        area=_view(chunk.area, start, stop),
        crowd=_view(chunk.crowd, start, stop),
        ids=chunk.ids[start:stop],
        shapes=_view(chunk.shapes, start, stop),
        origin=_origin_rows(origin, start, stop),
        attributes=sparse(chunk.attributes),
        extra=sparse(chunk.extra),
        children=sparse(chunk.children),
        others=sparse(chunk.others),
        named=sparse(chunk.named),
        records=sparse(chunk.records),
    )


def _origin_rows(origin: Origin, start: int, stop: int) -> Origin:
    return msgspec.structs.replace(
        origin,
        number=np.asarray(origin.number)[start:stop],
        spans=None if origin.spans is None else origin.spans[start:stop],
    )
