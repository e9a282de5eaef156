"""Records of COCO that were changed: their own text, with the keys of what changed set anew.

What columns cannot say of a record (an empty ``attributes``, an ``area`` that is no float) stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
from dlgeom.converters.base import DROPPED, Losses
from dlgeom.converters.coco.read_json import edit
from dlgeom.converters.coco.write_codes import CODES
from dlgeom.converters.coco.write_ids import encode_json, is_plain
from dlgeom.converters.coco.write_records import Choices, build
from dlgeom.converters.coco.write_sizes import boxes
from dlgeom.converters.sidecar.plan import Edit

__all__ = ["with_texts"]

_SHAPES = ("bbox", "area", "segmentation", "keypoints", "num_keypoints")
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def with_texts(
    chunk: Chunk,
    texts: Mapping[int, bytes],
    edits: Mapping[int, Edit],
    made: Mapping[int, Annotation],
) -> Chunk:
    """Return a chunk in which changed rows have text again.

    Parameters
    ----------
    chunk : Chunk
        With the changes in its columns.
    texts : mapping of int to bytes
        Row -> text that it had before.
    edits : mapping of int to Edit
        Row -> what changed.
    made : mapping of int to Annotation
        Row -> the record with the changes.
    """
    rows = [row for row, text in texts.items() if text]
    origin = chunk.origin
    if not rows or origin.spans is None:
        return chunk
    shapes = _built(chunk, [row for row in rows if edits[row].shapes is not None])
    pieces = [origin.buffer]
    end = len(origin.buffer)
    spans = origin.spans.copy()
    for row in rows:
        if edits[row].shapes is not None and row not in shapes:
            continue  # it cannot be written as it is; the writer says so
        changes: dict[str, bytes | None] = {}
        found = _fields.decode(texts[row])
        if row in shapes:
            changes |= _shape_changes(found, shapes[row])
        changes |= _field_changes(edits[row], made[row])
        text = edit(texts[row], changes)
        pieces.append(text)
        spans[row] = end, end + len(text)
        end += len(text)
    origin = msgspec.structs.replace(origin, buffer=b"".join(pieces), spans=spans)
    return msgspec.structs.replace(chunk, origin=origin)


def _built(chunk: Chunk, rows: list[int]) -> dict[int, dict[str, msgspec.Raw]]:
    """Return what a writer makes of the shapes of rows; those that it drops are absent."""
    if not rows:
        return {}
    part = chunk.select(np.array(rows, dtype=np.int64))
    losses = Losses.none(len(part), CODES)
    none: list[Any] = [None] * len(part)
    box = boxes(part, recompute=False, unseen=False)
    records = build(part, box, none, none, none, Choices(), losses)
    return {
        row: _fields.decode(msgspec.json.encode(record))
        for row, record, status in zip(rows, records, losses.status.tolist(), strict=True)
        if status != DROPPED
    }


def _shape_changes(
    before: Mapping[str, msgspec.Raw], now: Mapping[str, msgspec.Raw]
) -> dict[str, bytes | None]:
    changes: dict[str, bytes | None] = {}
    for key in _SHAPES:
        if key in now and (key in before or key in ("bbox", "segmentation")):
            changes[key] = bytes(now[key])
        elif key in before:
            changes[key] = None
    return changes


def _field_changes(edited: Edit, made: Annotation) -> dict[str, bytes | None]:
    changes: dict[str, bytes | None] = {}
    fields = edited.fields
    if "attributes" in fields:
        attributes = made.attributes
        if isinstance(attributes, dict) and is_plain(dict(attributes)):
            changes["attributes"] = encode_json(dict(attributes))
    for key, value in fields.get("extra", {}).items():
        if value is None or is_plain(value):
            changes[key] = None if value is None else encode_json(value)
    if "score" in fields:
        changes["score"] = None if made.score is None else encode_json(made.score)
    if "crowd" in fields:
        changes["iscrowd"] = b"1" if made.crowd else b"0"
    return changes
