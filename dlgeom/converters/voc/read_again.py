"""Whether a row still says what the text of its source says: the reader judges, once more."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlgeom.chunk import Chunk
from dlgeom.converters.problems import Problems
from dlgeom.converters.voc.read_columns import Columns
from dlgeom.converters.voc.read_tree import Record
from dlgeom.converters.voc.xmlio import VocItem
from dlgeom.labels import LabelTable
from dlgeom.limits import Limits

__all__ = ["chunk_of_record"]


def chunk_of_record(record: Record, base: int, limits: Limits, chunk: Chunk, row: int) -> bool:
    """Return whether a record, read into a chunk of its own, equals a row; masks do not count."""
    columns = Columns(LabelTable(), Problems(strict=False), limits, base=base, keep=False)
    columns.start(VocItem(), "")
    columns.add_record(0, record, "")
    again = columns.chunk()
    if len(again) != 1:
        return False
    name = again.labels[int(again.label[0])].name
    one = np.array([row])
    return (
        name == chunk.labels[int(chunk.label[row])].name
        and _same(again.bounds[0], chunk.bounds[row])
        and _same(again.rotated[0], chunk.rotated[row])
        and _same(again.score[0], chunk.score[row])
        and again.outline == chunk.outline.take(one)
        and again.attributes.get(0, {}) == chunk.attributes.get(row, {})
        and _extra(again, 0) == _extra(chunk, row)
        and _shapes(again.children.get(0, ())) == _shapes(chunk.children.get(row, ()))
        and _shapes([again.others[0]] if again.others else [])
        == _shapes([chunk.others[row]] if row in chunk.others else [])
    )


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))


def _extra(chunk: Chunk, row: int) -> dict[str, Any]:
    extra: dict[str, Any] = chunk.extra.get(row, {})
    return {key: value for key, value in extra.items() if key != "segment"}


def _shapes(annotations: Any) -> list[Any]:
    return [(a.label, a.type, tuple(a.bounds)) for a in annotations]
