"""Records of a COCO source: copied as they are, or with single keys changed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.coco.layout import url_name
from dlgeom.converters.coco.read_json import edit
from dlgeom.converters.coco.write_ids import encode_json
from dlgeom.converters.names import safe_name
from dlgeom.errors import FormatError
from dlgeom.item import Item
from dlgeom.limits import Limits

__all__ = ["Head", "contiguous", "heads", "item_record", "texts"]


class Head(msgspec.Struct):
    """What ties a record to the rest of its file."""

    id: Any = None
    image_id: Any = None
    category_id: Any = msgspec.UNSET


class _ImageHead(msgspec.Struct):
    id: Any = None
    file_name: Any = msgspec.UNSET
    coco_url: Any = None
    width: Any = msgspec.UNSET
    height: Any = msgspec.UNSET


_heads = msgspec.json.Decoder(list[Head])
_image_head = msgspec.json.Decoder(_ImageHead)


def texts(chunk: Chunk, rows: NDArray[np.int64]) -> list[bytes]:
    """Return the source's text of each of the rows."""
    spans = chunk.origin.spans
    if spans is None:
        return [b""] * len(rows)
    buffer = chunk.origin.buffer
    return [buffer[start:stop] for start, stop in spans[rows].tolist()]


def contiguous(chunk: Chunk, rows: NDArray[np.int64]) -> bytes | None:
    """Return the text of all `rows` in one piece, or None if other records lie between them.

    The source's own commas and blanks stay between the records.
    """
    spans = chunk.origin.spans
    if spans is None or not len(rows):
        return None
    chosen = spans[rows]
    gaps = chosen[1:, 0] - chosen[:-1, 1]
    buffer = chunk.origin.buffer
    if len(gaps):
        if gaps.min() < 1:
            return None
        # Two bytes cannot hold a record between two commas; more are looked at.
        wide = np.flatnonzero(gaps > 2)
        between = b"".join(
            [buffer[a:b] for a, b in zip(chosen[wide, 1], chosen[wide + 1, 0], strict=True)]
        )
        if between.translate(None, b" \t\r\n") != b"," * len(wide):
            return None
    return buffer[int(chosen[0, 0]) : int(chosen[-1, 1])]


def heads(text: bytes) -> list[Head]:
    """Return id, image_id and category_id of records that are separated by commas."""
    listed = b"[" + text + b"]"
    try:
        return _heads.decode(listed)
    except msgspec.DecodeError:
        records = json.loads(listed)
        keys = Head.__struct_fields__
        return [Head(**{key: record[key] for key in keys if key in record}) for record in records]


def item_record(item: Item, identifier: object, limits: Limits) -> bytes:
    """Return the source's record of an image, changed only where the item says otherwise.

    What the record does not have, and the reader found elsewhere, is not added.
    """
    head = _image_head.decode(item.record)
    changes: dict[str, bytes | None] = {}
    if head.id != identifier:
        changes["id"] = encode_json(identifier)
    written = url_name(head.coco_url) if head.file_name is msgspec.UNSET else head.file_name
    if item.name is not None and not _same_name(written, item.name, limits):
        changes["file_name"] = encode_json(item.name)
    for key, value in (("width", item.width), ("height", item.height)):
        if value is not None and getattr(head, key) not in (value, msgspec.UNSET):
            changes[key] = encode_json(value)
    return edit(item.record, changes) if changes else item.record


def _same_name(written: object, name: str, limits: Limits) -> bool:
    """Whether the name in the file is the item's name, or one that was made safe."""
    if written == name:
        return True
    if not isinstance(written, str):
        return False
    try:
        return safe_name(written, limits=limits)[0] == name
    except FormatError:
        # The reader gave the item another name because this one cannot be used.
        return True
