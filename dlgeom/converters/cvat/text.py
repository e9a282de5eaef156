"""Numbers, lists of points and values of attributes, as CVAT's XML has them."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = [
    "ABSENT",
    "AttributeSpec",
    "decimal",
    "flag",
    "kind_of",
    "number",
    "points",
    "text_of_value",
    "typed",
    "whole",
]

Floats = NDArray[np.float64]

ABSENT = object()
"""What an attribute without a value says: that there is none."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_BLANKS = " \t\r\n"


class AttributeSpec(msgspec.Struct):
    """What the labels of a file say of one attribute.

    Parameters
    ----------
    name : str
        Its name.
    input_type : str
        ``select``, ``radio``, ``checkbox``, ``text`` or ``number``.
    mutable : bool
        Whether it may change along a track.
    default : str
        Value where nobody chose one.
    values : list of str
        Those that may be chosen; of a number lowest, highest and step.
    """

    name: str
    input_type: str = "text"
    mutable: bool = False
    default: str = ""
    values: list[str] = msgspec.field(default_factory=list)


def number(text: str | None, what: str, limits: Limits) -> float:
    """Return a coordinate or an angle.

    Raises
    ------
    FormatError
        ``schema.field`` if it is missing, ``type.number``, ``number.not_finite``,
        ``number.range``.
    """
    if text is None:
        raise FormatError(f"{what} is missing. Add it", code="schema.field")
    stripped = text.strip(_BLANKS)
    if len(stripped) > 400 or not _NUMBER.fullmatch(stripped):
        code = "number.not_finite" if _is_not_finite(stripped) else "type.number"
        raise FormatError(
            f"{what} is {stripped[:40]!r}; it is a decimal number. Correct it", code=code
        )
    value = float(stripped)
    if not math.isfinite(value):
        raise FormatError(
            f"{what} is {stripped[:40]!r}, which is not finite. Correct it",
            code="number.not_finite",
        )
    if abs(value) > limits.coordinate:
        raise FormatError(
            f"{what} is {value:g}; the limit coordinate is {limits.coordinate:g} px",
            code="number.range",
        )
    return value


def _is_not_finite(text: str) -> bool:
    return text.lower().lstrip("+-") in ("nan", "inf", "infinity")


def whole(text: str | None, what: str, limits: Limits) -> int:
    """Return a whole number; ``10.00`` is one."""
    value = number(text, what, limits)
    if not value.is_integer():
        raise FormatError(f"{what} is {value:g}; it is a whole number", code="type.number")
    return int(value)


def flag(text: str | None, what: str, default: bool) -> bool:
    """Return what ``0`` or ``1`` says; ``default`` where nothing is said."""
    if text is None:
        return default
    found = {"0": False, "1": True, "false": False, "true": True}.get(text.strip(_BLANKS).lower())
    if found is None:
        raise FormatError(
            f"{what} is {text[:40]!r}; it is 0 or 1. Correct it", code="value.invalid"
        )
    return found


def points(text: str | None, what: str, limits: Limits) -> Floats:
    """Return the points of ``x,y;x,y``, shape (N, 2).

    Raises
    ------
    FormatError
        As for `number`; ``polygon.odd`` if a point has not two numbers.
    LimitError
        ``limit.points``.
    """
    if text is None:
        raise FormatError(f"{what} is missing. Add it", code="schema.field")
    stripped = text.strip(_BLANKS).removesuffix(";")
    pairs = stripped.split(";") if stripped else []
    limits.check("ring_points", len(pairs), code="limit.points", what=f"number of points of {what}")
    found = np.empty((len(pairs), 2))
    for k, pair in enumerate(pairs):
        x, comma, y = pair.partition(",")
        if not comma or "," in y:
            raise FormatError(
                f"{what} has {pair[:40]!r}; a point is x,y, and points are separated by ';'. "
                "Correct it",
                code="polygon.odd",
            )
        found[k] = (
            number(x, f"x of point {k} of {what}", limits),
            number(y, f"y of point {k} of {what}", limits),
        )
    return found


def typed(text: str, spec: AttributeSpec | None) -> Any:
    """Return the value of an attribute, as the type that the labels give it.

    Returns
    -------
    bool, int, float or str, or `ABSENT`
        `ABSENT` for a number or check box without a value; the text itself where it is none of
        its type.
    """
    kind = None if spec is None else spec.input_type
    if kind == "checkbox":
        stripped = text.strip(_BLANKS)
        known = {"true": True, "false": False, "": ABSENT}
        return known.get(stripped.lower(), text)
    if kind == "number":
        stripped = text.strip(_BLANKS)
        if not stripped:
            return ABSENT
        if _INTEGER.fullmatch(stripped):
            return int(stripped)
        if len(stripped) < 400 and _NUMBER.fullmatch(stripped):
            value = float(stripped)
            return value if math.isfinite(value) else text
    return text


def kind_of(value: Any) -> str:
    """Return the input type under which a value comes back as it is."""
    if isinstance(value, bool):
        return "checkbox"
    return "number" if isinstance(value, int | float) else "text"


def text_of_value(value: Any) -> str | None:
    """Return a value as text, None if there is none for it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    if value is None:
        return None
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError):
        return None


def decimal(value: float, decimals: int | None) -> str:
    """Return a number with some decimals, or the shortest that reads back the same."""
    found = float(value)
    if decimals is not None:
        text = f"{found:.{decimals}f}"
        return text.removeprefix("-") if float(text) == 0 else text
    return str(int(found)) if found.is_integer() and abs(found) < 1e15 else repr(found)
