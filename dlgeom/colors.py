"""Colours of labels: as files write them, and one for a name that has none."""

from __future__ import annotations

import colorsys
import hashlib
import re
from collections.abc import Sequence
from typing import Any

from dlgeom.errors import UsageError

__all__ = ["Color", "color_of_name", "hex_of", "parse_color"]

Color = tuple[int, int, int]
"""Red, green, blue, 0..255."""

_HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_RGB = re.compile(r"rgb\(([^()]*)\)", re.IGNORECASE)
_NUMBER = re.compile(r"\s*([0-9]{1,3})\s*")


def parse_color(value: object) -> Color:
    """Return red, green and blue of a colour in any of the usual spellings.

    Parameters
    ----------
    value : str or sequence of int
        ``#rrggbb``, ``#rgb``, ``rgb(r, g, b)``, or three integers 0..255, red first.

    Raises
    ------
    UsageError
        For anything else.

    Examples
    --------
    >>> parse_color("#14638f"), parse_color("rgb(20, 99, 143)"), parse_color([20, 99, 143])
    ((20, 99, 143), (20, 99, 143), (20, 99, 143))
    """
    found: Sequence[Any] = ()
    if isinstance(value, str):
        text = value.strip()
        if short := _HEX.fullmatch(text):
            digits = short[1] if len(short[1]) == 6 else "".join(d + d for d in short[1])
            return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
        if spelled := _RGB.fullmatch(text):
            numbers = [_NUMBER.fullmatch(part) for part in spelled[1].split(",")]
            found = [int(number[1]) if number else None for number in numbers]
    elif isinstance(value, list | tuple):
        found = value
    elif hasattr(value, "tolist"):
        found = value.tolist()
    if isinstance(found, list | tuple) and len(found) == 3:
        red, green, blue = (_byte(part) for part in found)
        if min(red, green, blue) >= 0:
            return red, green, blue
    raise UsageError(
        f"colour {value!r} is none; it is '#rrggbb', '#rgb', 'rgb(r, g, b)' or three integers "
        "0..255. Correct it, or leave it out"
    )


def _byte(value: Any) -> int:
    """Return an integer 0..255, -1 for anything else."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return -1
    number = int(value.__index__())
    return number if 0 <= number <= 255 else -1


def hex_of(color: Color) -> str:
    """Return ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def color_of_name(name: str) -> Color:
    """Return the colour of a label that has none: always the same for a name.

    Well saturated and neither dark nor pale, so that it shows on a picture and takes readable
    text; different names mostly have different hues.

    Examples
    --------
    >>> color_of_name("cat") == color_of_name("cat") != color_of_name("dog")
    True
    """
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    hue = int.from_bytes(digest[:2], "big") / 65536
    saturation, value = 0.55 + digest[2] / 255 * 0.45, 0.6 + digest[3] / 255 * 0.4
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
