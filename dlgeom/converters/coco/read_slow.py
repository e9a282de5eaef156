"""Records one by one through the standard JSON module: every fault with its own code.

Windows that the bulk decoder refuses, or whose keys it cannot explain, come here.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import BOX, KEYPOINTS, OTHER, OUTLINE, PARTS, ROTATED, RUNS
from dlgeom.converters.coco.read_columns import (
    ATTRIBUTES,
    CAPTION,
    CROWD,
    DEAD,
    EXTRA,
    ODD,
    REPAIRED,
    Row,
)
from dlgeom.converters.coco.read_rotated import turn_box
from dlgeom.converters.coco.read_shapes import (
    FaultError,
    number_fault,
    read_keypoints,
    read_mask,
    read_outline,
)
from dlgeom.converters.coco.read_text import TooDeepError, skip_space, value_end
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = [
    "KNOWN",
    "DuplicateKeyError",
    "NumberTooLongError",
    "SlowReader",
    "field_span",
    "value_fault",
    "strict_json",
]

KNOWN = frozenset(
    (
        "id",
        "image_id",
        "category_id",
        "bbox",
        "area",
        "iscrowd",
        "segmentation",
        "keypoints",
        "num_keypoints",
        "score",
        "attributes",
        "caption",
    )
)
MAX_DIGITS = 4_300


class DuplicateKeyError(ValueError):
    """A key that occurs twice in one object."""


class NumberTooLongError(ValueError):
    """An integer of more digits than Python turns into a number."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKeyError(key)
            seen.add(key)
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise NumberTooLongError(f"an integer of {len(text)} digits")
    return int(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer)


def strict_json(raw: bytes) -> Any:
    """Decode JSON with NaN and infinities as floats.

    Raises
    ------
    DuplicateKeyError, NumberTooLongError, json.JSONDecodeError
    """
    return _DECODER.decode(raw.decode())


def field_span(raw: bytes, name: str, depth: int) -> tuple[int, int]:
    """Return start and length of the value of a key in one object; (0, 0) if it is absent."""
    place = skip_space(raw, 1)
    while raw[place : place + 1] == b'"':
        stop = value_end(raw, place, depth)
        key = json.loads(raw[place:stop])
        start = skip_space(raw, skip_space(raw, stop) + 1)
        stop = value_end(raw, start, depth)
        if key == name:
            return start, stop - start
        place = skip_space(raw, skip_space(raw, stop) + 1)
    return 0, 0


def _id(record: dict[str, Any], name: str, *, due: bool) -> int | str | None:
    value = record.get(name)
    if type(value) is int or type(value) is str:
        return value
    if value is None:
        if due:
            raise FaultError(
                "schema.field",
                f"has no {name}; an annotation needs it. Add it or remove the record",
            )
        return None
    if type(value) is float and value.is_integer():
        return int(value)
    shown = json.dumps(value)[:40]
    raise FaultError("type.id", f"{name} is {shown}; ids are integers or text. Correct it")


def _box(value: Any) -> tuple[float, ...] | None:
    """Return 4 or 5 checked numbers, None where there is no box."""
    if value is None or value == []:
        return None
    if not isinstance(value, list):
        raise FaultError("schema.type", "bbox is no list. Write [x, y, width, height]")
    if len(value) not in (4, 5) or any(isinstance(number, list) for number in value):
        raise FaultError(
            "geometry.bbox_arity",
            f"bbox has {len(value)} entries that are no four numbers; it is [x, y, width, height]. "
            "Correct it",
        )
    for number in value:
        if fault := number_fault(number, "a number of bbox"):
            raise fault
    try:
        numbers = tuple(float(number) for number in value)
    except OverflowError:
        raise FaultError("number.range", "a number of bbox is too large. Correct it") from None
    if numbers[2] < 0 or numbers[3] < 0:
        raise negative_size(numbers[2], numbers[3])
    return numbers


def negative_size(width: float, height: float) -> FaultError:
    """Return the fault of a box whose sides are negative."""
    return FaultError(
        "geometry.bbox_size",
        f"bbox is {width:g} x {height:g}; width and height are 0 or more. Correct it",
    )


def _number(record: dict[str, Any], name: str) -> float:
    value = record.get(name)
    if value is None:
        return math.nan
    if fault := number_fault(value, name):
        raise fault
    try:
        return float(value)
    except OverflowError:
        raise FaultError("number.range", f"{name} is too large. Correct it") from None


def _crowd(record: dict[str, Any]) -> bool:
    value = record.get("iscrowd")
    if value is None or isinstance(value, bool):
        return bool(value)
    if fault := number_fault(value, "iscrowd"):
        raise fault
    if value not in (0, 1):
        raise FaultError("value.range", f"iscrowd is {value}; it is 0 or 1. Correct it")
    return bool(value)


def value_fault(record: Any, raw: bytes) -> tuple[str, str] | None:
    """Return code and sentence where a decoded value cannot be written as JSON again."""
    if b"\\ud" in raw or b"\\uD" in raw:
        try:
            json.dumps(record, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return (
                "encoding.invalid",
                "has half of a surrogate pair; that is no character. Correct the text",
            )
    if not _finite(record):
        return "number.not_finite", "holds a number that is not finite. Correct it"
    return None


def _finite(value: Any) -> bool:
    """Whether all numbers inside a decoded value are finite."""
    if type(value) is float:
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return not isinstance(value, list) or all(map(_finite, value))


class SlowReader:
    """Turns the text of one record into a `Row`, or tells why not.

    Parameters
    ----------
    limits : Limits
        Bounds of points, pixels and depth.
    results : bool
        Whether the file is a list of results.

    Attributes
    ----------
    notes : list of (status, code, sentence)
        What was mended, or is worth telling, in the last record.
    """

    def __init__(self, limits: Limits, *, results: bool = False) -> None:
        self._limits = limits
        self._results = results
        self.notes: list[tuple[str, str, str]] = []

    def read(self, raw: bytes) -> Row:
        """Read one record.

        Raises
        ------
        FaultError
            Where the record has to be left out.
        FormatError
            Where the whole file cannot be trusted.
        """
        self.notes = []
        record = self._decode(raw)
        row = Row()
        caption = record.get("caption")
        row.image = _id(record, "image_id", due=True)
        row.category = _id(record, "category_id", due=caption is None)
        row.id = _id(record, "id", due=False)
        if _crowd(record):
            row.flags |= CROWD
        row.area, row.score = _number(record, "area"), _number(record, "score")
        self._shapes(row, record, raw)
        if isinstance(caption, str):
            row.flags |= CAPTION | OTHER
        elif caption is not None:
            raise FaultError("type.text", "caption is no text. Put it in quotes")
        if not row.flags & (BOX | ROTATED | OUTLINE | RUNS | KEYPOINTS | OTHER):
            row.flags |= OTHER
        self._fields(row, record)
        return row

    def _decode(self, raw: bytes) -> dict[str, Any]:
        try:
            record = strict_json(raw)
        except DuplicateKeyError as error:
            raise FaultError(
                "json.duplicate_key",
                f"key {str(error)[:80]!r} occurs twice; one hides the other. Keep one of them",
            ) from error
        except NumberTooLongError as error:
            raise FormatError(
                f"has {error}; numbers have up to {MAX_DIGITS} digits. Correct it",
                code="number.range",
            ) from error
        except RecursionError as error:
            raise FormatError(
                f"nests deeper than {self._limits.depth} levels", code="limit.depth"
            ) from error
        except UnicodeDecodeError as error:
            raise FormatError(
                "is not valid UTF-8; JSON files are UTF-8. Save it as UTF-8",
                code="encoding.invalid",
            ) from error
        except json.JSONDecodeError as error:
            raise FormatError(
                f"is no valid JSON: {error.msg} at byte {error.pos} of the record. Correct it",
                code="json.syntax",
            ) from error
        if not isinstance(record, dict):
            shown = json.dumps(record)[:40]
            raise FaultError("schema.type", f"is {shown}; an annotation is an object. Remove it")
        self._check_values(record, raw)
        return record

    def _check_values(self, record: dict[str, Any], raw: bytes) -> None:
        """Refuse what no target may get: deep nesting, half characters, infinite numbers."""
        if raw.count(b"[") + raw.count(b"{") > self._limits.depth:
            try:
                value_end(raw, 0, self._limits.depth)
            except TooDeepError as error:
                raise FormatError(
                    f"nests deeper than {self._limits.depth} levels, the limit depth. "
                    "Raise it with --limit depth=N if the file is what you expect",
                    code="limit.depth",
                ) from error
        # Fields with a column have their own checks.
        rest = {
            key: value
            for key, value in record.items()
            if key not in KNOWN or key in ("attributes", "num_keypoints", "caption")
        }
        if fault := value_fault(rest, raw):
            raise FaultError(*fault)

    def _shapes(self, row: Row, record: dict[str, Any], raw: bytes) -> None:
        box = _box(record.get("bbox"))
        if box is not None and len(box) == 5:
            # detectron2's XYWHA: centre, size, degrees counter-clockwise.
            row.rotated = (box[0], box[1], box[2], box[3], -box[4] if box[4] else 0.0)
            row.flags |= ROTATED
        elif box is not None:
            row.box = (box[0], box[1], box[2], box[3])
            row.flags |= BOX
        value = record.get("segmentation")
        rings: list[NDArray[np.float64]] = []
        if value is not None and value != [] and value != {}:
            row.segmentation = field_span(raw, "segmentation", self._limits.depth)
            if isinstance(value, dict):
                row.mask = read_mask(value, self._limits)[1]
                row.flags |= RUNS
            else:
                rings = self._outline(row, value)
        if record.get("keypoints") is not None:
            self._keypoints(row, record["keypoints"])
        turn_box(row, record.get("attributes"), rings)

    def _outline(self, row: Row, value: Any) -> list[NDArray[np.float64]]:
        outline = read_outline(value, self._limits)
        for fault in outline.faults:
            self.notes.append(("repaired", fault.code, f"{fault} (this ring is left out)"))
            row.flags |= REPAIRED
        if outline.flat:
            self.notes.append(
                (
                    "warning",
                    "polygon.nesting",
                    "segmentation is one flat list; polygons are lists in a list. It is read so",
                )
            )
        if outline.rings:
            row.flags |= OUTLINE | ODD | (PARTS if len(outline.rings) > 1 else 0)
        return outline.rings

    def _keypoints(self, row: Row, value: Any) -> None:
        try:
            points = read_keypoints(value, results=self._results)
        except FaultError as fault:
            self.notes.append(("repaired", fault.code, f"{fault} (the keypoints are left out)"))
            row.flags |= REPAIRED
            return
        if len(points):
            row.points = len(points)
            row.flags |= KEYPOINTS

    def _fields(self, row: Row, record: dict[str, Any]) -> None:
        attributes = record.get("attributes")
        if isinstance(attributes, dict):
            if attributes:
                row.flags |= ATTRIBUTES
        elif attributes is not None:
            row.flags |= EXTRA
        if record.keys() - KNOWN:
            row.flags |= EXTRA
        if row.flags & DEAD:
            row.flags = DEAD
