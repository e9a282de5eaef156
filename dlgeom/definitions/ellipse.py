"""Ellipses, upright or turned about their centre."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions.base import NO_ATTRIBUTES, Bounds, Definition, check_common, number
from dlgeom.errors import GeometryError
from dlgeom.geometry import ellipses

__all__ = ["Ellipse"]

_NUMBERS = ("x", "y", "rx", "ry", "angle")


class Ellipse(Definition, msgspec.Struct, frozen=True, eq=False, gc=False):
    """An ellipse, in continuous pixels.

    Parameters
    ----------
    x, y : float
        Centre.
    rx, ry : float
        Semi-axes along x and y before turning; 0 gives an ellipse without area.
    angle : float
        Degrees, clockwise on screen, about the centre.
    label : str
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If a number is NaN or infinite, or a semi-axis is negative.

    Notes
    -----
    `bounds` is the smallest upright box around the turned ellipse; `width` and `height` are
    those of the bounds.

    Examples
    --------
    >>> Ellipse(10, 20, 5, 3, 30, "wheel")
    Ellipse(x=10.0, y=20.0, rx=5.0, ry=3.0, angle=30.0, label='wheel')
    >>> Ellipse(10, 20, 5, 3, 90, "wheel").bounds
    (7.0, 15.0, 13.0, 25.0)
    """

    type: ClassVar[str] = "ellipse"

    x: float
    y: float
    rx: float
    ry: float
    angle: float
    label: str | None
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            value = number(getattr(self, name), f"Ellipse: {name}")
            msgspec.structs.force_setattr(self, name, value)
        for name in ("rx", "ry"):
            if getattr(self, name) < 0:
                raise GeometryError(
                    f"Ellipse: {name} is {getattr(self, name)}; semi-axes are >= 0. "
                    "Leave out the sign"
                )
        check_common(self)

    @property
    def center(self) -> tuple[float, float]:
        """Centre x, y in pixels."""
        return self.x, self.y

    @property
    def geo(self) -> NDArray[np.float64]:
        """``[[x, y], [rx, ry], [angle in degrees, angle in radians]]``, shape (3, 2)."""
        return np.array(
            [[self.x, self.y], [self.rx, self.ry], [self.angle, math.radians(self.angle)]]
        )

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom of the smallest upright box around it, in pixels."""
        left, top, right, bottom = ellipses.extent(self._row())[0].tolist()
        return left, top, right, bottom

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return math.pi * self.rx * self.ry

    def _row(self) -> NDArray[np.float64]:
        """Return it as `dlgeom.geometry.ellipses` takes it, shape (1, 5)."""
        return np.array([[self.x, self.y, self.rx, self.ry, self.angle]])

    def _geometry_key(self) -> Any:
        return self.x, self.y, self.rx, self.ry, self.angle

    def _close_geometry(self, other: Any, atol: float) -> bool:
        return all(abs(getattr(self, name) - getattr(other, name)) <= atol for name in _NUMBERS)

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        return [f"{name}={getattr(self, name)!r}" for name in _NUMBERS]
