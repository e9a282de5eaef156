"""Boxes, upright or turned about their centre."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    AttributesLike,
    Bounds,
    Definition,
    checked_text,
    float_array,
    frozen_attributes,
    number,
)
from dlgeom.definitions.moving import MovingBox
from dlgeom.errors import GeometryError
from dlgeom.geometry import rotated

if TYPE_CHECKING:
    from dlgeom.definitions.segmentation import Segmentation

__all__ = ["Box"]

_INF = math.inf
_FLOATS: Any = (float, float, float, float)


class Box(MovingBox, Definition, msgspec.Struct, frozen=True, eq=False, gc=False):
    """A box, edges in continuous pixels; with `angle` it is turned about its centre.

    Parameters
    ----------
    left, top, right, bottom : float
        Edges before turning. Equal edges give a box without area.
    label : str, optional
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.
    angle : float, optional
        Degrees, clockwise on screen, about the centre. None is an upright box.

    Raises
    ------
    GeometryError
        If an edge is missing, NaN or infinite, or a pair of edges is in the wrong order.

    Notes
    -----
    ``left``... and ``width`` are those before turning, as given; `bounds` is the smallest
    upright box around the turned one. `Box.from_rotated` keeps centre and size exactly as they
    are given, which edges cannot always express.

    Examples
    --------
    >>> box = Box(2, 1, 6, 4, "cat")
    >>> box, box.area
    (Box(left=2.0, top=1.0, right=6.0, bottom=4.0, label='cat'), 12.0)
    >>> Box(10, 10, 30, 20, angle=90).bounds
    (15.0, 5.0, 25.0, 25.0)
    """

    type: ClassVar[str] = "box"

    left: float = None  # type: ignore[assignment]
    top: float = None  # type: ignore[assignment]
    right: float = None  # type: ignore[assignment]
    bottom: float = None  # type: ignore[assignment]
    label: str | None = None
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None
    angle: float | None = None
    _rotated: tuple[float, float, float, float, float] | None = None

    def __post_init__(self) -> None:
        left, top, right, bottom = self.left, self.top, self.right, self.bottom
        # Millions of boxes are made from columns: what needs no conversion is let through at once.
        if (
            self.attributes is NO_ATTRIBUTES
            and self.angle is None
            and (left.__class__, top.__class__, right.__class__, bottom.__class__) == _FLOATS
            and -_INF < left <= right < _INF
            and -_INF < top <= bottom < _INF
            and (self.label is None or self.label.__class__ is str)
            and self.description is None
        ):
            return
        self._check()

    def _check(self) -> None:
        """Turn the fields into their stored types and check them."""
        put = msgspec.structs.force_setattr
        put(self, "label", checked_text(self.label, "Box: label"))
        put(self, "description", checked_text(self.description, "Box: description"))
        put(self, "attributes", frozen_attributes(self.attributes))
        for name in ("left", "top", "right", "bottom"):
            put(self, name, number(getattr(self, name), f"Box: {name}"))
        if self.angle is not None:
            put(self, "angle", number(self.angle, "Box: angle"))
        for low, high in (("left", "right"), ("top", "bottom")):
            if getattr(self, low) > getattr(self, high):
                raise GeometryError(
                    f"Box: {low} ({getattr(self, low)}) is greater than {high} "
                    f"({getattr(self, high)}); edges go low to high, sizes are >= 0. "
                    "Exchange them"
                )

    @classmethod
    def from_xywh(
        cls,
        xywh: ArrayLike,
        label: str | None = None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> Box:
        """Build a box from its left-top corner and its size (COCO's order), shape (4,)."""
        left, top, width, height = _numbers(xywh, 4, "xywh")
        return cls(left, top, left + width, top + height, label, attributes, description)

    @classmethod
    def from_rotated(
        cls,
        rotated: ArrayLike,
        label: str | None = None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> Box:
        """Build a turned box from centre, size and angle.

        Parameters
        ----------
        rotated : array_like of float, shape (5,)
            Centre x, y, width, height in pixels, angle in degrees clockwise on screen; kept
            as given (`Box.rotated`).
        label, attributes, description
            As for `Box`.

        Raises
        ------
        GeometryError
            If the shape is another, a number is not finite or a size is negative.
        """
        x, y, width, height, angle = _numbers(rotated, 5, "rotated")
        if width < 0 or height < 0:
            raise GeometryError(f"Box: size {width} x {height} is negative; sizes are >= 0")
        return cls._view_rotated(
            (x, y, width, height, angle),
            checked_text(label, "Box: label"),
            frozen_attributes(attributes),
            checked_text(description, "Box: description"),
        )

    @classmethod
    def _view_rotated(
        cls,
        r5: tuple[float, float, float, float, float],
        label: str | None,
        attributes: Any,
        description: str | None = None,
    ) -> Box:
        """Build a turned box from checked numbers."""
        x, y, width, height, angle = r5
        w, h = width / 2, height / 2
        return cls(x - w, y - h, x + w, y + h, label, attributes, description, angle, r5)

    @classmethod
    def from_segmentation(
        cls,
        mask: NDArray[Any] | Segmentation,
        label: str,
        attributes: AttributesLike = None,
    ) -> list[Box]:
        """Return one box for each separate (8-connected) component of a mask, largest first.

        Holes are no components; single pixels are. An empty mask gives an empty list.
        """
        from dlgeom.conversions import mask_to_boxes

        return mask_to_boxes(mask, label, attributes=attributes)

    @property
    def is_rotated(self) -> bool:
        """Whether it stands for a rotated box: an angle other than 0, or made as one."""
        return self._rotated is not None or bool(self.angle)

    @property
    def rotated(self) -> tuple[float, float, float, float, float]:
        """Centre x, y, width, height in pixels and angle in degrees clockwise on screen."""
        if self._rotated is not None:
            return self._rotated
        return (*self.center, self.width, self.height, self.angle or 0.0)

    @property
    def center(self) -> tuple[float, float]:
        """Centre x, y in pixels."""
        if self._rotated is not None:
            return self._rotated[:2]
        return _middle(self.left, self.right), _middle(self.top, self.bottom)

    @property
    def width(self) -> float:
        """Width before turning, in pixels."""
        return self.right - self.left if self._rotated is None else self._rotated[2]

    @property
    def height(self) -> float:
        """Height before turning, in pixels."""
        return self.bottom - self.top if self._rotated is None else self._rotated[3]

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @property
    def corners(self) -> NDArray[np.float64]:
        """Corners as an array of shape (4, 2), clockwise from what was left-top before turning."""
        if not self.angle:
            left, top, right, bottom = self.left, self.top, self.right, self.bottom
            return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        turned: NDArray[np.float64] = rotated.corners(np.array([self.rotated]))[0]
        return turned

    @property
    def four_points(self) -> NDArray[np.float64]:
        """Corners, shape (4, 2), in the platform's order.

        Left-top, left-bottom, right-bottom, right-top of the box before turning; `corners` has
        them clockwise.
        """
        return self.corners[[0, 3, 2, 1]]

    @property
    def geo(self) -> NDArray[np.float64]:
        """Edges before turning as ``[[left, top], [right, bottom]]``, shape (2, 2)."""
        return np.array([[self.left, self.top], [self.right, self.bottom]])

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom of the smallest upright box around it, in pixels."""
        if not self.angle:
            return self.left, self.top, self.right, self.bottom
        left, top, right, bottom = rotated.extent(np.array([self.rotated]))[0].tolist()
        return left, top, right, bottom

    def _geometry_key(self) -> Any:
        if self.angle:
            return self.rotated
        return self.left, self.top, self.right, self.bottom

    def _close_geometry(self, other: Any, atol: float) -> bool:
        mine = (self.left, self.top, self.right, self.bottom)
        theirs = (other.left, other.top, other.right, other.bottom)
        turn = math.remainder((self.angle or 0.0) - (other.angle or 0.0), 360.0)
        return abs(turn) <= atol and all(
            abs(a - b) <= atol for a, b in zip(mine, theirs, strict=True)
        )

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        parts = [f"{name}={getattr(self, name)!r}" for name in ("left", "top", "right", "bottom")]
        return parts if self.angle is None else [*parts, f"angle={self.angle!r}"]


def _middle(low: float, high: float) -> float:
    # Halves first: the sum of two huge edges overflows.
    middle = (low + high) / 2
    return middle if math.isfinite(middle) else low / 2 + high / 2


def _numbers(values: ArrayLike, count: int, what: str) -> list[float]:
    array = float_array(values, f"Box: {what}", f"give {count} numbers")
    if array.shape != (count,):
        raise GeometryError(f"Box: {what} has shape {array.shape}; expected ({count},)")
    return [number(value, f"Box: {what}") for value in array.tolist()]
