"""Cue settings and regions, as the specification parses them.

See "parse the WebVTT cue settings" and "collect WebVTT region settings" of
https://www.w3.org/TR/webvtt1/. Names and values are case-sensitive; what is not valid is skipped,
the last valid one wins.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

import msgspec

from dlgeom.converters.vtt.timing import BLANKS

__all__ = ["Region", "Settings", "parse_percentage", "parse_region", "parse_settings"]

# A limit of ours on the digits: the largest and the smallest number have 309 and 1,074.
_PERCENT = re.compile(r"[0-9]{1,2000}(?:\.[0-9]{1,2000})?%")
_LINE = re.compile(r"-?[0-9]{1,2000}(?:\.[0-9]{1,2000})?")
_LINES = re.compile(r"[0-9]{1,300}")
_SPLIT = re.compile(f"[{BLANKS}]+")


class Settings(msgspec.Struct, frozen=True):
    """Where and how a cue is shown.

    Parameters
    ----------
    vertical : str
        ``""``, ``rl`` or ``lr``.
    line : float or "auto"
        Line number, or percentage where `snap_to_lines` is off.
    snap_to_lines : bool
        Whether `line` counts lines.
    line_align : str
        ``start``, ``center`` or ``end``.
    position : float or "auto"
        Percentage.
    position_align : str
        ``auto``, ``line-left``, ``center`` or ``line-right``.
    size : float
        Percentage.
    align : str
        ``start``, ``center``, ``end``, ``left`` or ``right``.
    region : str, optional
        Id of its region.
    """

    vertical: str = ""
    line: float | str = "auto"
    snap_to_lines: bool = True
    line_align: str = "start"
    position: float | str = "auto"
    position_align: str = "auto"
    size: float = 100.0
    align: str = "center"
    region: str | None = None


class Region(msgspec.Struct, frozen=True):
    """A part of the picture in which cues are shown.

    Parameters
    ----------
    id : str
        Name that cues give.
    width : float
        Percentage.
    lines : int
        Height in lines.
    region_anchor, viewport_anchor : tuple of float
        Point of the region, and point of the picture where it lies; x and y in percent.
    scroll : str
        ``""`` or ``up``.
    """

    id: str = ""
    width: float = 100.0
    lines: int = 3
    region_anchor: tuple[float, float] = (0.0, 100.0)
    viewport_anchor: tuple[float, float] = (0.0, 100.0)
    scroll: str = ""


def parse_percentage(text: str) -> float | None:
    """Return a percentage, None if it is none or outside of 0..100.

    Examples
    --------
    >>> parse_percentage("12.5%"), parse_percentage("-0%"), parse_percentage("101%")
    (12.5, None, None)
    """
    if not _PERCENT.fullmatch(text):
        return None
    value = float(text[:-1])
    return value if value <= 100 else None


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for token in _SPLIT.split(text):
        name, colon, value = token.partition(":")
        if colon and name and value:
            yield name, value


def parse_settings(text: str, regions: Iterable[str] = ()) -> Settings:
    """Read the settings of a cue.

    Parameters
    ----------
    text : str
        What follows the end time.
    regions : iterable of str
        Ids of the regions that are known.

    Examples
    --------
    >>> parse_settings("line:0 align:end").line, parse_settings("align:middle").align
    (0.0, 'center')
    """
    known = set(regions)
    found: dict[str, object] = {}
    for name, value in _pairs(text):
        if name == "region":
            found["region"] = value if value in known else None
        elif name == "vertical" and value in ("rl", "lr"):
            found.update(vertical=value, region=None)
        elif name == "line":
            found.update(_line(value))
        elif name == "position":
            found.update(_position(value))
        elif name == "size" and (size := parse_percentage(value)) is not None:
            found["size"] = size
            if size != 100:
                found["region"] = None
        elif name == "align" and value in ("start", "center", "end", "left", "right"):
            found["align"] = value
    return msgspec.structs.replace(Settings(), **found)


def _line(value: str) -> dict[str, object]:
    number, comma, align = value.partition(",")
    if comma and align not in ("start", "center", "end"):
        return {}
    place: float | None
    if number.endswith("%"):
        place, snap = parse_percentage(number), False
    else:
        place, snap = (float(number) if _LINE.fullmatch(number) else None), True
    if place is None or math.isinf(place):
        return {}
    changes: dict[str, object] = {"line": place, "snap_to_lines": snap, "region": None}
    if comma:
        changes["line_align"] = align
    return changes


def _position(value: str) -> dict[str, object]:
    number, comma, align = value.partition(",")
    place = parse_percentage(number)
    if place is None or (comma and align not in ("line-left", "center", "line-right")):
        return {}
    changes: dict[str, object] = {"position": place}
    if comma:
        changes["position_align"] = align
    return changes


def parse_region(text: str) -> Region:
    """Read the settings of a region: the lines below ``REGION``.

    Examples
    --------
    >>> region = parse_region("id:fred width:40% regionanchor:0%,100%")
    >>> region.id, region.width, region.lines
    ('fred', 40.0, 3)
    """
    found: dict[str, object] = {}
    for name, value in _pairs(text):
        if name == "id":
            found["id"] = value
        elif name == "width" and (width := parse_percentage(value)) is not None:
            found["width"] = width
        elif name == "lines" and _LINES.fullmatch(value):
            found["lines"] = int(value)
        elif name in ("regionanchor", "viewportanchor"):
            x, _, y = value.partition(",")
            point = parse_percentage(x), parse_percentage(y)
            if None not in point:
                found["region_anchor" if name == "regionanchor" else "viewport_anchor"] = point
        elif name == "scroll" and value == "up":
            found["scroll"] = "up"
    return msgspec.structs.replace(Region(), **found)
