"""Rows of MOTChallenge files, checked one by one.

| kind | columns |
| --- | --- |
| gt, 9 | frame, id, left, top, width, height, flag (0: ignored), class, visibility |
| gt, 10 | frame, id, left, top, width, height, flag, x, y, z in the world |
| det, results | frame, id (-1 in det), left, top, width, height, score, then -1 |
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from dlgeom.converters.mot.recognise import NUMBER
from dlgeom.converters.problems import Problems
from dlgeom.limits import Limits

__all__ = ["Row", "parse_rows"]

_NUMBER = re.compile(NUMBER)
_SEPARATORS = re.compile(r"[,;\s]+")


class Row(NamedTuple):
    """One row: its line, frame and id as the file has them, edges in pixels, the rest."""

    line: int
    frame: int
    thing: int
    left: float
    top: float
    width: float
    height: float
    rest: tuple[float, ...]


def parse_rows(text: str, shown: str, problems: Problems, limits: Limits) -> Iterator[Row]:
    """Yield the good rows of a file; bad ones are told with their line."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped:
            continue
        fault = _row(stripped, number, limits)
        if isinstance(fault, Row):
            yield fault
        else:
            code, message = fault
            problems.skipped(code, message, path=shown, location=f"line {number}")


def _row(line: str, number: int, limits: Limits) -> Row | tuple[str, str]:
    """Return a row, or code and sentence of what is wrong with it."""
    separated = line.split(",") if "," in line else _SEPARATORS.split(line)
    fields = [field.strip() for field in separated]
    if fields and not fields[-1]:
        fields.pop()  # a comma at the end
    if not 6 <= len(fields) <= 10:
        return "row.arity", (
            f"has {len(fields)} columns; rows have frame, id, left, top, width, height, and up to "
            "4 more. Correct it"
        )
    values: list[float] = []
    for field in fields:
        if len(field) > 40 or not _NUMBER.fullmatch(field):
            return "type.number", f"{field[:40]!r} is no number; columns are numbers. Correct it"
        values.append(float(field))
    if not all(map(math.isfinite, values)):
        return "number.not_finite", "has a number that is not finite. Correct it"
    frame, thing, left, top, width, height, *rest = values
    if frame != int(frame) or thing != int(thing) or frame < 0:
        return "type.number", "frame and id are whole numbers, frames from 0 or 1. Correct it"
    if frame > limits.frames:
        return "limit.frames", (
            f"frame {int(frame)}; the limit frames is {limits.frames}. Raise it with "
            f"--limit frames={int(frame)}"
        )
    if width < 0 or height < 0:
        return "geometry.bbox_size", f"size {width:g} x {height:g} is negative. Correct it"
    far = max(abs(left), abs(top), abs(left + width), abs(top + height))
    if far > limits.coordinate:
        return "number.range", f"a box reaches to {far:g} px; at most {limits.coordinate:g}"
    return Row(number, int(frame), int(thing), left, top, width, height, tuple(rest))
