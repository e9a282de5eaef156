"""Frames and times: exact, with rates as fractions.

Frame n of a constant rate is on the screen from ``n / fps`` on, until the next one is. There are
two inverses, and they answer different questions: `frame_of_time` gives the nearest frame, for a
time that was made from a frame number; `frame_at` gives the frame that is on the screen, for a
playback position. Everything is computed with `fractions.Fraction`; ``int(t * fps)`` in floats
is wrong for 2 to 10 % of frames.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

from dlgeom.errors import UsageError

__all__ = [
    "HALF_MILLISECOND",
    "as_rate",
    "as_seconds",
    "frame_at",
    "frame_of_time",
    "milliseconds",
    "subtitle_frames",
    "time_of_frame",
]

Number = int | float | Fraction | Decimal | str

HALF_MILLISECOND = Fraction(1, 2000)
"""How far a time that was rounded to milliseconds can be from the true one, in seconds."""

_NTSC = Fraction(1000, 1001)
_SNAP = Fraction(5, 1000)
_LEAST_NTSC = 10
"""Below it n * 1000 / 1001 is so close to n that nothing can be told from the number."""
_SURE = 1e11
_MOST = Fraction(49, 100)
_PLAIN = re.compile(r"[+-]?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_RATIO = re.compile(r"\+?[0-9]{1,30}[/:][0-9]{1,30}", re.ASCII)


def _exact(value: Number, what: str) -> Fraction:
    """Return a number as the fraction that its decimal text stands for."""
    if isinstance(value, bool):
        raise UsageError(f"{what} is {value!r}; it is a number")
    if isinstance(value, int | Fraction):
        return Fraction(value)
    if isinstance(value, Decimal) and value.is_finite():
        return Fraction(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value.strip()):
        return Fraction(value.strip())
    if not isinstance(value, str | Decimal):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{what} is {value!r}; it is a number") from None
        if math.isfinite(number):
            # The shortest text that reads back as this float: 0.1 means a tenth.
            return Fraction(repr(number))
    raise UsageError(f"{what} is {value!r}; it is a finite number")


def as_seconds(value: Number) -> Fraction:
    """Return a time in seconds exactly; a float stands for its shortest decimal text.

    Raises
    ------
    UsageError
        If it is no finite number.

    Examples
    --------
    >>> as_seconds(0.1), as_seconds(2)
    (Fraction(1, 10), Fraction(2, 1))
    """
    return _exact(value, "time")


def as_rate(fps: Number) -> Fraction:
    """Return a frame rate as an exact fraction.

    A number that is within 0.005 of ``n * 1000 / 1001`` and no whole number stands for it: 23.976,
    29.97 and 59.94 are 24000/1001, 30000/1001 and 60000/1001. Fractions are taken as they are.

    Parameters
    ----------
    fps : int, float, Fraction, Decimal or str
        Frames in a second, also as text: ``"29.97"``, ``"30000/1001"``.

    Raises
    ------
    UsageError
        If it is no finite number greater than 0.

    Examples
    --------
    >>> as_rate(29.97), as_rate(25), as_rate("24000/1001"), as_rate(12.5)
    (Fraction(30000, 1001), Fraction(25, 1), Fraction(24000, 1001), Fraction(25, 2))
    """
    if isinstance(fps, str) and _RATIO.fullmatch(fps.strip()):
        above, below = re.split(r"[/:]", fps.strip())
        if int(below) == 0:
            raise UsageError(f"frame rate is {fps!r}; it is a number greater than 0")
        fps = Fraction(int(above), int(below))
    rate = _exact(fps, "frame rate")
    if rate <= 0:
        raise UsageError(f"frame rate is {fps!r}; it is a number greater than 0")
    if isinstance(fps, Fraction) or rate.denominator == 1:
        return rate
    whole = math.floor(rate / _NTSC + Fraction(1, 2))
    if whole >= _LEAST_NTSC and abs(rate - whole * _NTSC) <= _SNAP:
        return whole * _NTSC
    return rate


def _half_up(value: Fraction) -> int:
    """Round to the nearest whole number, halves up; Python's `round` goes to the even one."""
    return math.floor(value + Fraction(1, 2))


def milliseconds(seconds: Number) -> int:
    """Round a time in seconds to whole milliseconds, halves up.

    Examples
    --------
    >>> milliseconds(1.9996), milliseconds(0.0005)
    (2000, 1)
    """
    if type(seconds) is float and abs(seconds) < _SURE:
        # Whole milliseconds, as nearly all times are: no other decimal of so few digits is nearer.
        whole = round(seconds * 1000)
        if whole / 1000 == seconds:
            return whole
    return _half_up(as_seconds(seconds) * 1000)


def time_of_frame(frame: int, fps: Number) -> Fraction:
    """Return when a frame appears, in seconds from frame 0.

    Examples
    --------
    >>> time_of_frame(30, 29.97)
    Fraction(1001, 1000)
    """
    return frame / as_rate(fps)


def frame_of_time(seconds: Number, fps: Number) -> int:
    """Return the frame whose time is nearest, halves up: for times made from frame numbers.

    Up to 500 frames in a second ``frame_of_time(time_of_frame(n, fps), fps) == n`` also for times
    that were rounded to milliseconds.

    Examples
    --------
    >>> frame_of_time(0.067, 30), frame_of_time(2.5, 25)
    (2, 63)
    """
    return _half_up(as_seconds(seconds) * as_rate(fps))


def _allowance(rate: Fraction, tolerance: Number) -> Fraction:
    return min(_exact(tolerance, "tolerance") * rate, _MOST)


def frame_at(seconds: Number, fps: Number, *, tolerance: Number = HALF_MILLISECOND) -> int:
    """Return the frame that is on the screen at a time.

    Parameters
    ----------
    seconds : number
        Time from frame 0.
    fps : number
        Frames in a second, as for `as_rate`.
    tolerance : number
        How much too early the time may be, in seconds: that of a frame, rounded to milliseconds,
        often lies before the frame. At most 0.49 of a frame is allowed for.

    Examples
    --------
    >>> frame_at(0.033, 30), frame_at(0.06, 30)
    (1, 1)
    """
    rate = as_rate(fps)
    return math.floor(as_seconds(seconds) * rate + _allowance(rate, tolerance))


def subtitle_frames(
    start: Number, end: Number, fps: Number, *, tolerance: Number = HALF_MILLISECOND
) -> tuple[int, int]:
    """Return the first and last frame of a time range, both inclusive.

    The first is the one displayed at or after the start, the last the one displayed before the
    end. A range in which no frame appears has the one frame that is on the screen meanwhile.

    Parameters
    ----------
    start, end : number
        Seconds from frame 0; the end does not belong to the range.
    fps : number
        Frames in a second, as for `as_rate`.
    tolerance : number
        How far the times may be from those of frames, in seconds; 0 for exact times.

    Examples
    --------
    >>> subtitle_frames(0.5, 2, 25), subtitle_frames(0.067, 0.1, 30)
    ((13, 49), (2, 2))
    """
    rate = as_rate(fps)
    slack = _allowance(rate, tolerance)
    first = math.ceil(as_seconds(start) * rate - slack)
    last = math.ceil(as_seconds(end) * rate - slack) - 1
    if last < first:
        first = last = frame_at(start, rate, tolerance=tolerance)
    return first, last
