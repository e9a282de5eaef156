"""Small checks of the platform's values: numbers, points, texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from dlgeom.errors import FormatError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["Tell", "bad", "number", "plain", "point_xy", "points_xy", "quiet", "text"]

Tell = Callable[[str, str], None]
"""Takes code and sentence of something doubtful of which nothing is lost."""


def quiet(code: str, message: str) -> None:
    """Tell nobody."""


def bad(code: str, message: str) -> FormatError:
    """Return the error for an annotation that cannot be read."""
    return FormatError(message, code=code)


def number(value: object, what: str, limits: Limits = DEFAULT_LIMITS) -> float:
    """Return a coordinate as a float; `64` and `64.0` are numbers, `"64"` is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad("type.number", f"{what} is {value!r}; it is a number. Correct it")
    try:
        found = float(value)
    except OverflowError:
        raise bad(
            "number.range", f"{what} has more than 308 digits; no coordinate has. Correct it"
        ) from None
    if not math.isfinite(found):
        raise bad("number.not_finite", f"{what} is {found}; coordinates are finite. Correct it")
    if abs(found) > limits.coordinate:
        raise bad(
            "number.range",
            f"{what} is {found:g}, more than {limits.coordinate:g} from the origin "
            "(limit coordinate). Correct it, or raise the limit",
        )
    return found


def point_xy(value: object, what: str, limits: Limits = DEFAULT_LIMITS) -> tuple[float, float]:
    """Return x and y of ``{"x": ..., "y": ...}``."""
    if not isinstance(value, Mapping):
        raise bad("schema.type", f"{what} is {value!r}; a point is {{'x': ..., 'y': ...}}")
    for key in ("x", "y"):
        if key not in value:
            raise bad("schema.field", f"{what} has no {key!r}; a point has x and y. Add it")
    return number(value["x"], f"{what}: x", limits), number(value["y"], f"{what}: y", limits)


def points_xy(
    values: object, what: str, limits: Limits = DEFAULT_LIMITS
) -> list[tuple[float, float]]:
    """Return x and y of each point of a list."""
    if not isinstance(values, list):
        raise bad("schema.type", f"{what} is {type(values).__name__}; it is a list of points")
    if len(values) > limits.ring_points:
        raise bad(
            "limit.points",
            f"{what} has {len(values)} points, more than {limits.ring_points} "
            "(limit ring_points). Raise it with --limit",
        )
    return [point_xy(value, f"{what}[{k}]", limits) for k, value in enumerate(values)]


def text(value: object, what: str, limits: Limits = DEFAULT_LIMITS, *, name: bool = True) -> str:
    """Return a text that is not longer than the limit."""
    if not isinstance(value, str):
        raise bad("type.text", f"{what} is {value!r}; it is text. Correct it")
    allowed = limits.text if name else 16 * limits.text
    if len(value.encode("utf-8", "surrogatepass")) > allowed:
        raise bad("limit.text", f"{what} has more than {allowed} bytes (limit text). Shorten it")
    return value


def plain(value: Any, what: str = "annotation") -> Any:
    """Return a copy of a value made of nothing but what JSON has.

    Numbers and arrays of NumPy become numbers and lists, read-only values plain ones.

    Raises
    ------
    FormatError
        ``number.not_finite``, ``value.type``: JSON has no such value.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int) and type(value) is int:
        return value
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else _key(key, what): plain(entry, what)
            for key, entry in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(entry, what) for entry in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise bad(
                "number.not_finite",
                f"{what} has a number that is not finite ({value}); JSON has none. Correct it",
            )
        return float(value)
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return plain(value.tolist(), what)
    if isinstance(value, int):
        return int(value)
    raise bad(
        "schema.type",
        f"{what} has {value!r:.60}, which JSON cannot hold. Give texts, numbers, lists or dicts",
    )


def _key(key: Any, what: str) -> str:
    """Return a key as JSON text has it; a number becomes its digits."""
    found = plain(key, what)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return str(found)
    raise bad("schema.type", f"{what} has the key {key!r:.60}; keys are texts. Correct it")
