"""Records of a panoptic file, checked one by one.

Decoding the picture of an image costs a hundred times more than its record, so that records are
read by the careful way only: `json` with hooks for what JSON forbids or leaves open.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from dlgeom.converters.coco.panoptic_runs import MAX_ID
from dlgeom.errors import FormatError
from dlgeom.labels import Label

__all__ = ["Segment", "checked_label", "checked_object", "checked_segment", "whole_number"]

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


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise FormatError(
            "has a key twice; the second hides the first. Keep one of them",
            code="json.duplicate_key",
        )
    return found


def _no_number(text: str) -> NoReturn:
    raise FormatError(
        f"holds {text}; JSON has finite numbers only. Correct it", code="number.not_finite"
    )


def _integer(text: str) -> int:
    if len(text) > 4_000:
        raise FormatError(
            f"holds an integer of {len(text)} digits; nobody counts that far. Correct it",
            code="number.range",
        )
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


_decoder = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_no_number, parse_int=_integer, parse_float=_float
)


def checked_object(raw: bytes, what: str) -> dict[str, Any]:
    """Decode a record.

    Raises
    ------
    FormatError
        ``schema.type`` unless it is an object, ``json.duplicate_key``, ``number.not_finite``.
    """
    try:
        found = _decoder.decode(raw.decode())
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormatError(f"is no valid JSON ({error})", code="json.syntax") from error
    if not isinstance(found, dict):
        raise FormatError(
            f"is {type(found).__name__}; {what} is an object. Correct it", code="schema.type"
        )
    return found


def whole_number(value: object) -> int | None:
    """Return an integer, also from a float like 64.0; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


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


def checked_segment(raw: bytes, categories: Mapping[int, int]) -> Segment:
    """Check one entry of ``segments_info``; `categories` maps id to index of the label.

    Raises
    ------
    FormatError
        Says what is wrong.
    """
    record = checked_object(raw, "an entry of segments_info")
    identifier = whole_number(record.get("id"))
    if identifier is None or not 1 <= identifier <= MAX_ID:
        raise FormatError(
            f"id is {record.get('id')!r}; ids of segments are integers from 1 to {MAX_ID}, "
            "as many as colours. Correct it",
            code="type.id" if identifier is None else "number.range",
            location="id",
        )
    if "category_id" not in record:
        raise FormatError("has no category_id; segments name a category", code="schema.field")
    category = whole_number(record["category_id"])
    if category is None:
        raise FormatError(
            f"category_id is {record['category_id']!r}; ids are integers", code="type.id"
        )
    if category not in categories:
        raise FormatError(
            f"category_id {category} is not defined; add it to categories", code="ref.category"
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
        identifier,
        categories[category],
        _bounds(record),
        area,
        bool(crowd),
        named,
        extra,
        raw,
    )


def checked_label(raw: bytes, text_limit: int) -> Label:
    """Check a record of ``categories``.

    Raises
    ------
    FormatError
        Says what is wrong.
    """
    record = checked_object(raw, "a category")
    identifier = whole_number(record.get("id"))
    name = record.get("name")
    if identifier is None:
        raise FormatError(f"id is {record.get('id')!r}; ids are integers", code="type.id")
    if not isinstance(name, str):
        raise FormatError(f"name is {name!r}; names are text", code="type.text")
    if len(name.encode()) > text_limit:
        raise FormatError(
            f"name has more than {text_limit} bytes, the limit text", code="limit.text"
        )
    parent = record.get("supercategory")
    color = record.get("color")
    if not (
        isinstance(color, list)
        and len(color) == 3
        and all(type(c) is int and 0 <= c <= 255 for c in color)
    ):
        color = None
    return Label(
        name=name,
        id=identifier,
        parent=parent if isinstance(parent, str) else None,
        color=None if color is None else (color[0], color[1], color[2]),
        record=raw,
    )
