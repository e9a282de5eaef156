"""Rows of a chunk exchanged, and chunks put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.chunk_objects import chunk_of
from dlgeom.geometry.ragged import Ragged, Rings, Runs

__all__ = ["grown", "spliced"]

_ARRAYS = ("label", "bounds", "rotated", "score", "area", "crowd", "shapes")
_SPARSE = ("attributes", "extra", "children", "others", "named", "records")


def _columns(annotations: list[Annotation], chunk: Chunk) -> Chunk:
    pair = (chunk.items[0], AnnotationCollection._view(None, annotations, None))
    return chunk_of([pair], chunk.labels)


def spliced(chunk: Chunk, made: Mapping[int, Annotation]) -> Chunk:
    """Return a chunk in which some rows are other records; the source's text of them is gone."""
    if not made:
        return chunk
    rows = np.array(list(made), dtype=np.int64)
    part = _columns(list(made.values()), chunk)
    order = np.arange(len(chunk))
    order[rows] = len(chunk) + np.arange(len(rows))
    columns: dict[str, Any] = {}
    for name in _ARRAYS:
        columns[name] = getattr(chunk, name).copy()
        columns[name][rows] = getattr(part, name)
    columns["ids"] = list(chunk.ids)
    for place, row in enumerate(rows.tolist()):
        columns["ids"][row] = part.ids[place]
    for name in _SPARSE:
        column = {row: value for row, value in getattr(chunk, name).items() if row not in made}
        column.update((int(rows[place]), value) for place, value in getattr(part, name).items())
        columns[name] = column
    origin = chunk.origin
    if origin.spans is not None:
        spans = origin.spans.copy()
        spans[rows] = 0
        origin = msgspec.structs.replace(origin, spans=spans)
    return msgspec.structs.replace(
        chunk,
        labels=part.labels,
        outline=Rings.concat([chunk.outline, part.outline]).take(order),
        runs=Runs.concat([chunk.runs, part.runs]).take(order),
        keypoints=Ragged.concat([chunk.keypoints, part.keypoints]).take(order),
        origin=origin,
        **columns,
    )


def grown(chunk: Chunk, added: Mapping[int, list[Annotation]], first: int) -> Chunk:
    """Return a grouped chunk with new rows behind those of some of its items.

    Parameters
    ----------
    chunk : Chunk
        Rows ascend by item.
    added : mapping of int to list of Annotation
        Place of an item in ``chunk.items`` -> its new records.
    first : int
        Place in the source of the first new row; no other row has it.
    """
    places = [place for place, listed in added.items() for _ in listed]
    if not places:
        return chunk
    part = _columns([one for listed in added.values() for one in listed], chunk)
    count = len(part)
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(chunk, name), getattr(part, name)]) for name in _ARRAYS
    }
    joined["item"] = np.concatenate([chunk.item, np.array(places, dtype=np.int32)])
    joined["order"] = np.concatenate([chunk.order, first + np.arange(count)])
    joined["ids"] = [*chunk.ids, *part.ids]
    for name in _SPARSE:
        column = dict(getattr(chunk, name))
        column.update((len(chunk) + row, value) for row, value in getattr(part, name).items())
        joined[name] = column
    origin = chunk.origin
    numbers = np.concatenate([origin.number, np.full(count, -1, dtype=np.int64)])
    spans = origin.spans
    if spans is not None:
        spans = np.concatenate([spans, np.zeros((count, 2), dtype=np.int64)])
    whole = msgspec.structs.replace(
        chunk,
        outline=Rings.concat([chunk.outline, part.outline]),
        runs=Runs.concat([chunk.runs, part.runs]),
        keypoints=Ragged.concat([chunk.keypoints, part.keypoints]),
        labels=part.labels,
        origin=msgspec.structs.replace(origin, number=numbers, spans=spans),
        **joined,
    )
    return whole.select(np.argsort(whole.item, kind="stable"))
