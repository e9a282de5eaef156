"""Rows of YOLO files of videos, checked one by one.

| what | columns |
| --- | --- |
| box | frame, object id or ``None``, class, centre x and y, width, height |
| polygon | frame, object id or ``None``, class, x and y of each vertex |

Coordinates are divided by the size of the picture; frames count from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.coco.read_shapes import ring_faults
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo_video.options import FAR
from dlgeom.definitions import Box, Definition, Polygon
from dlgeom.limits import Limits

__all__ = ["Row", "parse_rows"]

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?(?:inf|infinity|nan)", re.IGNORECASE)
_WHOLE = re.compile(r"[0-9]{1,18}")


class Row(NamedTuple):
    """One row: its line, frame, object (None: not known), class, shape in pixels."""

    line: int
    frame: int
    thing: str | None
    number: int
    shape: Definition


class _BadRowError(Exception):
    """Why a row cannot be read: a code and a sentence."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def parse_rows(
    text: str, size: tuple[int, int], shown: str, problems: Problems, limits: Limits
) -> Iterator[Row]:
    """Yield the good rows of a file; bad ones are told with their line.

    Parameters
    ----------
    text : str
        The file.
    size : tuple of int
        Width and height of the video in pixels.
    """
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if not line.strip(" \t"):
            continue
        try:
            yield _row(line, number, size, limits)
        except _BadRowError as error:
            problems.skipped(error.code, str(error), path=shown, location=f"line {number}")


def _row(line: str, number: int, size: tuple[int, int], limits: Limits) -> Row:
    fields = line.replace("\t", " ").split(" ")
    fields = [field for field in fields if field]
    count = len(fields)
    if count != 7 and (count < 9 or not count % 2):
        raise _BadRowError(
            "row.arity",
            f"has {count} columns; a row has frame, object id, class, then 4 numbers of a box or x "
            "and y of 3 or more vertices. Correct it",
        )
    if (count - 3) // 2 > limits.ring_points:
        raise _BadRowError(
            "limit.points",
            f"has {(count - 3) // 2} vertices; the limit ring_points is {limits.ring_points}. "
            "Raise it with --limit ring_points=N",
        )
    frame = _whole(fields[0], "frame")
    if frame > limits.frames:
        raise _BadRowError(
            "limit.frames",
            f"frame {frame}; the limit frames is {limits.frames}. Raise it with "
            f"--limit frames={frame}",
        )
    thing = None if fields[1] == "None" else str(_whole(fields[1], "object id"))
    category = _whole(fields[2], "class")
    values = np.array([_fraction(field) for field in fields[3:]])
    shape = _box(values, size, limits) if count == 7 else _polygon(values, size, limits)
    return Row(number, frame, thing, category, shape)


def _whole(text: str, what: str) -> int:
    if not _WHOLE.fullmatch(text):
        more = " or None" if what == "object id" else ""
        raise _BadRowError(
            "type.number", f"{what} is {text[:40]!r}; it is a whole number from 0{more}. Correct it"
        )
    return int(text)


def _fraction(text: str) -> float:
    if len(text) > 400 or not _NUMBER.fullmatch(text):
        if _NOT_FINITE.fullmatch(text):
            raise _BadRowError("number.not_finite", f"has {text}; numbers are finite. Correct it")
        raise _BadRowError("type.number", f"{text[:40]!r} is no number. Correct it")
    value = float(text)
    if not abs(value) <= FAR + 1:
        raise _BadRowError(
            "value.range",
            f"{text[:40]} is far outside of 0..1; coordinates are divided by the video's size. "
            "Divide them",
        )
    return value


def _box(values: NDArray[np.float64], size: tuple[int, int], limits: Limits) -> Box:
    x, y, w, h = (values * (*size, *size)).tolist()
    if w < 0 or h < 0:
        raise _BadRowError("geometry.bbox_size", "has a negative width or height. Correct it")
    edges = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    if max(map(abs, edges)) > limits.coordinate:
        raise _BadRowError("number.range", f"reaches beyond {limits.coordinate:g} px")
    return Box(*edges)


def _polygon(values: NDArray[np.float64], size: tuple[int, int], limits: Limits) -> Polygon:
    ring = values.reshape(-1, 2) * size
    fault = ring_faults([ring], limits)[0]
    if fault is not None:
        raise _BadRowError(fault.code, str(fault))
    return Polygon([ring], None)
