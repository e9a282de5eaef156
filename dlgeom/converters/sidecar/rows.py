"""Rows of a target as the sidecar knows them: a digest of their shapes, and their other fields."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
import numpy as np

from dlgeom.annotation import Annotation
from dlgeom.chunk import BOX, Chunk

__all__ = ["digests", "fields_of_rows", "plain_fields"]


def digests(chunk: Chunk) -> list[int]:
    """Return 32 bits for the shapes of each row: equal shapes have equal digests.

    Labels and other fields do not count. Numbers count as they are, to the last bit.
    """
    found: list[int] = []
    outline, runs, keypoints = chunk.outline, chunk.runs, chunk.keypoints
    # The sum with zero makes one number of the two zeros.
    bounds, rotated = chunk.bounds + 0.0, chunk.rotated + 0.0
    xy, points = outline.xy + 0.0, keypoints.values + 0.0
    boxed = ~np.isnan(bounds[:, 0])
    turned = ~np.isnan(rotated[:, 0])
    rows = outline.rows.tolist()
    for row in range(len(chunk)):
        other = chunk.others.get(row)
        value = zlib.crc32(b"" if other is None else _told(other))
        if boxed[row]:
            value = zlib.crc32(bounds[row].tobytes(), value ^ BOX)
        if turned[row]:
            value = zlib.crc32(rotated[row].tobytes(), value)
        first, last = rows[row], rows[row + 1]
        if last > first:
            rings = outline.parts[first : last + 1]
            ends = outline.rings[rings[0] : rings[-1] + 1]
            value = zlib.crc32((rings - rings[0]).tobytes(), value)
            value = zlib.crc32((ends - ends[0]).tobytes(), value)
            value = zlib.crc32(xy[ends[0] : ends[-1]].tobytes(), value)
        if runs.shape[row, 0]:
            counts = runs.counts[runs.offsets[row] : runs.offsets[row + 1]]
            value = zlib.crc32(runs.shape[row].tobytes() + counts.tobytes(), value)
        start, stop = keypoints.offsets[row], keypoints.offsets[row + 1]
        if stop > start:
            value = zlib.crc32(points[start:stop].tobytes(), value)
        found.append(value)
    return found


def _told(annotation: Annotation) -> bytes:
    """Return what a record that travels as an object draws or says, over all of its frames."""
    told: list[Any] = []
    for state in annotation.states:
        shape = state.annotation_definition
        told.append((state.frame_num, type(shape).__name__, shape._geometry_key()))
    told += [(type(shape).__name__, shape._geometry_key()) for shape in annotation.companions]
    told += [annotation.start_time, annotation.end_time]
    return repr(told).encode("utf-8", "surrogatepass")


def fields_of_rows(chunk: Chunk) -> dict[int, dict[str, Any]]:
    """Return row -> what a target says of it beside label, shapes, id, area: plain JSON values.

    Keys are ``attributes`` (a dict), ``extra`` (a dict), ``score`` and ``crowd``; rows and keys
    without anything are absent.
    """
    found: dict[int, dict[str, Any]] = {}
    special = {*chunk.attributes, *chunk.extra, *chunk.others}
    special.update(np.flatnonzero(~np.isnan(chunk.score)).tolist())
    special.update(np.flatnonzero(chunk.crowd).tolist())
    for row in special:
        told = plain_fields(chunk.annotation(row))
        if told:
            found[row] = told
    return found


def plain_fields(annotation: Annotation) -> dict[str, Any]:
    """Return the fields of one record as `fields_of_rows` has them."""
    told: dict[str, Any] = {}
    attributes = annotation.attributes
    if isinstance(attributes, dict) and attributes:
        told["attributes"] = dict(attributes)
    if annotation.extra:
        told["extra"] = dict(annotation.extra)
    if annotation.score is not None:
        told["score"] = annotation.score
    if annotation.crowd:
        told["crowd"] = True
    if annotation.description is not None:
        told["description"] = annotation.description
    if not told:
        return told
    try:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))
    except (TypeError, ValueError, RecursionError, OverflowError):  # nothing that JSON has
        return {}
    return plain
