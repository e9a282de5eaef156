r"""Times of subtitles: whole milliseconds, from ASCII digits only.

Python's ``\d`` and ``int()`` take the digits of any script; a time stamp has ``[0-9]`` only.
"""

from __future__ import annotations

__all__ = ["LONGEST", "clock", "pad_fraction", "to_milliseconds"]

LONGEST = 10**15
"""The latest time in milliseconds (31,700 years): up to it seconds as a float keep each of them."""

_HOUR_DIGITS = 15


def pad_fraction(digits: str) -> int:
    """Return 1 to 3 digits after the point as milliseconds: ``5`` is 500.

    Examples
    --------
    >>> pad_fraction("5"), pad_fraction("05"), pad_fraction("")
    (500, 50, 0)
    """
    return int(digits.ljust(3, "0"))


def to_milliseconds(hours: str, minutes: str, seconds: str, fraction: str) -> int | None:
    """Return a time of ASCII digits in milliseconds, None if it is beyond `LONGEST`.

    Examples
    --------
    >>> to_milliseconds("1", "02", "03", "5"), to_milliseconds("9" * 5000, "0", "0", "0")
    (3723500, None)
    """
    digits = hours.lstrip("0") or "0"
    if len(digits) > _HOUR_DIGITS:
        return None
    total = ((int(digits) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + pad_fraction(fraction)
    return total if total <= LONGEST else None


def clock(ms: int, point: str = ".") -> str:
    """Return milliseconds as ``HH:MM:SS.mmm``, with more digits for hours where they are needed.

    Parameters
    ----------
    ms : int
        Milliseconds, 0 or more.
    point : str
        What stands before the milliseconds; a comma in SRT.

    Examples
    --------
    >>> clock(2000), clock(360_000_500, ","), clock(59_999)
    ('00:00:02.000', '100:00:00,500', '00:00:59.999')
    """
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{ms:03d}"
