"""Records of a panoptic file, checked one by one.

Decoding the picture of an image costs a hundred times more than its record, so that records are
read by the careful way only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from dlgeom.converters.coco.read_json import checked_object
from dlgeom.errors import FormatError
from dlgeom.geometry.segments import MAX_ID

__all__ = ["Segment", "checked_segment", "identifier", "segments_of", "whole_number"]

_SEGMENT = frozenset({"id", "category_id", "area", "bbox", "iscrowd", "attributes"})
_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])


class Segment(msgspec.Struct, gc=False):
    """One entry of ``segments_info``."""

    id: int
    label: int
    bounds: tuple[float, float, float, float]
    area: float
    crowd: bool
    attributes: dict[str, Any]
    extra: dict[str, Any]
    raw: bytes


def whole_number(value: object) -> int | None:
    """Return an integer, also from a float like 64.0; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def identifier(value: object) -> int | str | None:
    """Return an id: text (the ids of Cityscapes' images) or an integer; None for anything else."""
    return value if isinstance(value, str) else whole_number(value)


def _number(record: Mapping[str, Any], key: str) -> float:
    value = record.get(key)
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(
            f"{key} is {value!r}; it is a number. Correct it", code="type.number", location=key
        )
    try:
        return float(value)
    except OverflowError as error:
        raise FormatError(
            f"{key} is too large for a float", code="number.range", location=key
        ) from error


def _bounds(record: Mapping[str, Any]) -> tuple[float, float, float, float]:
    box = record.get("bbox")
    if box is None:
        return (math.nan,) * 4
    if not isinstance(box, list) or len(box) != 4:
        raise FormatError(
            "bbox is no list of 4 numbers; it is [x, y, width, height]. Correct it",
            code="geometry.bbox_arity",
            location="bbox",
        )
    x, y, w, h = (_number({"bbox": value}, "bbox") for value in box)
    if not all(math.isfinite(value) for value in (x, y, w, h)):
        raise FormatError("bbox holds null", code="type.number", location="bbox")
    if w < 0 or h < 0:
        raise FormatError(
            f"bbox has the size {w} x {h}; sizes are not negative. Correct it",
            code="geometry.bbox_size",
            location="bbox",
        )
    return x, y, x + w, y + h


def segments_of(raw: bytes) -> list[bytes]:
    """Return the text of each entry of an annotation's ``segments_info``."""
    fields = _raw_object.decode(raw)
    return [bytes(entry) for entry in _raw_list.decode(fields["segments_info"])]


def checked_segment(raw: bytes, categories: Mapping[int | str, int], depth: int) -> Segment:
    """Check one entry of ``segments_info``; `categories` maps id to index of the label.

    `depth` is the limit of nesting.

    Raises
    ------
    FormatError
        Says what is wrong.
    """
    record = checked_object(raw, "an entry of segments_info", depth)
    color = whole_number(record.get("id"))
    if color is None or not 1 <= color <= MAX_ID:
        raise FormatError(
            f"id is {record.get('id')!r}; ids of segments are integers from 1 to {MAX_ID}, "
            "as many as colours. Correct it",
            code="type.id" if color is None else "number.range",
            location="id",
        )
    if "category_id" not in record:
        raise FormatError("has no category_id; segments name a category", code="schema.field")
    category = identifier(record["category_id"])
    if category is None:
        raise FormatError(
            f"category_id is {record['category_id']!r}; ids are integers or text", code="type.id"
        )
    if category not in categories:
        raise FormatError(
            f"category_id {category!r} is not defined; add it to categories", code="ref.category"
        )
    crowd = record.get("iscrowd", 0)
    if isinstance(crowd, bool) or crowd not in (0, 1):
        raise FormatError(
            f"iscrowd is {crowd!r}; it is 0 or 1",
            code="value.range" if isinstance(crowd, int) else "type.number",
            location="iscrowd",
        )
    area = _number(record, "area")
    if area < 0:
        raise FormatError(f"area is {area}; areas are not negative", code="value.range")
    attributes = record.get("attributes")
    named = attributes if isinstance(attributes, dict) else {}
    extra = {
        key: value
        for key, value in record.items()
        if key not in _SEGMENT or (key == "attributes" and not isinstance(value, dict))
    }
    return Segment(
        color,
        categories[category],
        _bounds(record),
        area,
        bool(crowd),
        named,
        extra,
        raw,
    )
