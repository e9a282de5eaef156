"""The timing line of a WebVTT cue.

`parse_timing` follows "collect WebVTT cue timings and settings" of the specification
(https://www.w3.org/TR/webvtt1/). The lenient form also takes what Microsoft Teams and others
write: fields of one digit, 1 to 3 digits after the point, a comma for the point.
"""

from __future__ import annotations

import re

import msgspec

from dlgeom.converters.subtitles.times import to_milliseconds

__all__ = ["BLANKS", "Timing", "parse_timestamp", "parse_timing"]

BLANKS = " \t\n\f\r"
"""ASCII white space; vertical tab is none."""

_STRICT = re.compile(
    r"([0-9]+):([0-5][0-9]):([0-5][0-9])\.([0-9]{3})(?![0-9])"
    r"|([0-5][0-9]):([0-5][0-9])\.([0-9]{3})(?![0-9])"
)
_LENIENT = re.compile(
    r"([0-9]+):([0-5]?[0-9]):([0-5]?[0-9])[.,]([0-9]{1,3})(?![0-9])"
    r"|([0-5]?[0-9]):([0-5]?[0-9])[.,]([0-9]{1,3})(?![0-9])"
)
_SPACE = re.compile(r"[ \t\n\f\r]*")


class Timing(msgspec.Struct, frozen=True):
    """What a timing line says.

    Parameters
    ----------
    start, end : int, optional
        Milliseconds; None where the number is too large to be kept.
    settings : str
        What follows the end time, blanks around it removed.
    lenient : bool
        Whether the specification does not know this form.
    """

    start: int | None
    end: int | None
    settings: str
    lenient: bool


def _milliseconds(found: re.Match[str]) -> int | None:
    if found[1] is None:
        return to_milliseconds("0", found[5], found[6], found[7])
    return to_milliseconds(found[1], found[2], found[3], found[4])


def parse_timestamp(text: str) -> int | None:
    """Return a time stamp of the specification's form in milliseconds, None if it is none.

    Examples
    --------
    >>> parse_timestamp("01:02.003"), parse_timestamp("100:00:00.000"), parse_timestamp("75:10.000")
    (62003, 360000000, None)
    """
    found = _STRICT.fullmatch(text)
    return None if found is None else _milliseconds(found)


def _parse(line: str, stamp: re.Pattern[str]) -> tuple[int | None, int | None, str] | None:
    first = stamp.match(line, _space(line, 0))
    if first is None:
        return None
    place = _space(line, first.end())
    if not line.startswith("-->", place):
        return None
    second = stamp.match(line, _space(line, place + 3))
    if second is None:
        return None
    return _milliseconds(first), _milliseconds(second), line[second.end() :].strip(BLANKS)


def _space(line: str, place: int) -> int:
    found = _SPACE.match(line, place)
    return place if found is None else found.end()


def parse_timing(line: str, *, strict: bool = False) -> Timing | None:
    """Read a timing line; return None if it is none.

    Parameters
    ----------
    line : str
        A line that contains ``-->``.
    strict : bool
        Whether only the specification's form will do.

    Examples
    --------
    >>> parse_timing("00:00:01.000-->00:00:02.000align:end")
    Timing(start=1000, end=2000, settings='align:end', lenient=False)
    >>> parse_timing("0:0:3.5 --> 0:0:4,25")
    Timing(start=3500, end=4250, settings='', lenient=True)
    >>> parse_timing("0:0:3.5 --> 0:0:4,25", strict=True)
    """
    found = _parse(line, _STRICT)
    if found is not None:
        return Timing(*found, lenient=False)
    found = None if strict else _parse(line, _LENIENT)
    return None if found is None else Timing(*found, lenient=True)
