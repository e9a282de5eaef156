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
    SHAPES,
    Row,
)
from dlgeom.converters.coco.read_json import check_depth, fields_of, strict_json, value_fault
from dlgeom.converters.coco.read_rotated import turn_box
from dlgeom.converters.coco.read_shapes import (
    FaultError,
    number_fault,
    read_keypoints,
    read_mask,
    read_outline,
)
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = [
    "KNOWN",
    "SlowReader",
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

_NUMBERS = frozenset(("bbox", "area", "iscrowd", "segmentation", "keypoints", "score"))


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
        if caption is not None and not isinstance(caption, str):
            raise FaultError("type.text", "caption is no text. Put it in quotes")
        if caption is not None and row.flags & SHAPES and row.category is not None:
            row.flags |= EXTRA  # a shape of a class, with a caption among its fields
        elif caption is not None:
            row.flags |= CAPTION | OTHER
        elif not row.flags & SHAPES:
            row.flags |= OTHER
        self._fields(row, record)
        return row

    def _decode(self, raw: bytes) -> dict[str, Any]:
        try:
            check_depth(raw, self._limits.depth)
            record = strict_json(raw)
        except FormatError as error:
            if error.code == "json.duplicate_key":
                raise FaultError(error.code, error.message) from error
            raise
        if not isinstance(record, dict):
            shown = json.dumps(record)[:40]
            raise FaultError("schema.type", f"is {shown}; an annotation is an object. Remove it")
        # Fields of numbers have their own checks, with codes of their own.
        rest = {
            key: value
            for key, value in record.items()
            if key not in _NUMBERS or isinstance(value, dict)
        }
        if fault := value_fault(rest, raw):
            raise FaultError(*fault)
        return record

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
            places = {key: (start, stop) for key, start, stop in fields_of(raw)}
            start, stop = places["segmentation"]
            row.segmentation = start, stop - start
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
            points = read_keypoints(value, results=self._results, limits=self._limits)
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
