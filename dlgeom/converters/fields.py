"""Which fields of the records a target cannot hold: counted, never lost in silence."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import BOX, Chunk

__all__ = ["count_fields"]


def count_fields(
    chunk: Chunk, *, kept: frozenset[str] = frozenset(), rows: NDArray[np.bool_] | None = None
) -> Counter[str]:
    """Count the fields that have a value in a record and are not `kept`.

    Parameters
    ----------
    chunk : Chunk
        The records.
    kept : frozenset of str
        Among ``id``, ``score``, ``area``, ``bbox`` (a box stored beside another shape),
        ``iscrowd``, ``attributes`` (all of them) or ``attributes.<key>``, ``children``, ``extra``
        (all of it) or a key of `Chunk.extra`.
    rows : ndarray of bool, shape (N,), optional
        The rows to look at: those that were not dropped. All if not given.

    Returns
    -------
    Counter of str
        Field -> number of records that lose it.
    """
    lost: Counter[str] = Counter()
    some = np.ones(len(chunk), dtype=np.bool_) if rows is None else rows
    columns = {
        "score": ~np.isnan(chunk.score),
        "area": ~np.isnan(chunk.area),
        "bbox": ~np.isnan(chunk.bounds[:, 0]) & ((chunk.shapes & ~np.uint8(BOX)) != 0),
        "iscrowd": chunk.crowd,
    }
    for name, present in columns.items():
        if name not in kept and (count := int(np.count_nonzero(present & some))):
            lost[name] += count
    if "id" not in kept:
        if rows is None or some.all():
            count = len(chunk) - chunk.ids.count(None)
        else:
            count = sum(chunk.ids[row] is not None for row in np.flatnonzero(some).tolist())
        if count:
            lost["id"] += count
    for row, values in chunk.attributes.items():
        if some[row]:
            for key in values:
                if "attributes" not in kept and f"attributes.{key}" not in kept:
                    lost[f"attributes.{key}"] += 1
    if "extra" not in kept:
        for row, values in chunk.extra.items():
            if some[row]:
                for key in values:
                    if key not in kept:
                        lost[key] += 1
    if "children" not in kept:
        for row, parts in chunk.children.items():
            if some[row]:
                lost["children"] += len(parts)
    return lost
