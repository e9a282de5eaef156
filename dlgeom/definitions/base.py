"""What all definitions share: label, attributes, description, exact equality, common geometry.

Definitions are values. They are checked when they are built, never change afterwards, compare
exactly, hash by type, label and geometry, and pickle. Arrays that they hand out are read-only.
"""

from __future__ import annotations

import builtins
import math
from typing import Any, ClassVar, NoReturn, Self

import msgspec
import numpy as np

from dlgeom.definitions.drawing import Drawable
from dlgeom.definitions.moving import Moving
from dlgeom.definitions.values import (
    NO_ATTRIBUTES,
    Attributes,
    AttributesLike,
    FrozenDict,
    FrozenList,
    checked_text,
    float_array,
    frozen_attributes,
    frozen_json,
    json_key,
    needed_text,
    number,
    points_array,
    read_only,
    shortened,
)

__all__ = [
    "NO_ATTRIBUTES",
    "NO_BOUNDS",
    "ArrayDefinition",
    "Attributes",
    "AttributesLike",
    "Bounds",
    "Definition",
    "FrozenDict",
    "FrozenList",
    "check_common",
    "checked_text",
    "float_array",
    "frozen_attributes",
    "frozen_json",
    "json_key",
    "needed_text",
    "number",
    "points_array",
    "read_only",
    "shortened",
]

Bounds = tuple[float, float, float, float]
NO_BOUNDS: Bounds = (math.nan, math.nan, math.nan, math.nan)
"""Bounds of what has no place in the image, such as a `Classification`."""

KEEP: Any = object()


class Definition(Drawable, Moving):
    """Root of all definitions.

    Bounds, ``left``... are continuous pixel coordinates (see `dlgeom.definitions`); they are NaN
    for what has no place in the image.
    """

    __slots__ = ()

    type: ClassVar[str] = ""
    """Type string of the platform's JSON."""

    label: str | None
    attributes: Any
    description: str | None

    # What a definition says about its geometry; subclasses override what they have.

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom of the smallest upright box around it, in pixels."""
        return NO_BOUNDS

    @property
    def geo(self) -> Any:
        """Geometry as an array; empty, of shape (0, 2), where there is none."""
        return np.zeros((0, 2))

    @property
    def x(self) -> Any:
        """Horizontal coordinates of `geo`."""
        return self.geo[:, 0]

    @property
    def y(self) -> Any:
        """Vertical coordinates of `geo`."""
        return self.geo[:, 1]

    @property
    def left(self) -> float:
        """Left edge of `bounds`."""
        return self.bounds[0]

    @property
    def top(self) -> float:
        """Upper edge of `bounds`."""
        return self.bounds[1]

    @property
    def right(self) -> float:
        """Right edge of `bounds`."""
        return self.bounds[2]

    @property
    def bottom(self) -> float:
        """Lower edge of `bounds`."""
        return self.bounds[3]

    @property
    def width(self) -> float:
        """Right minus left, in pixels."""
        left, _, right, _ = self.bounds
        return right - left

    @property
    def height(self) -> float:
        """Bottom minus top, in pixels."""
        _, top, _, bottom = self.bounds
        return bottom - top

    @property
    def angle(self) -> float | None:
        """Degrees clockwise on screen, None for what cannot be turned."""
        return None

    @property
    def area(self) -> float:
        """Area in square pixels; 0 for what has none."""
        return 0.0

    def iou(self, other: Any, *, crowd: bool = False) -> float:
        """Return intersection over union with another definition of any kind.

        Parameters
        ----------
        other : Definition or Annotation
            What it is compared with; what is compared of both, `dlgeom.overlap` says.
        crowd : bool, default False
            Whether `other` marks a crowd, as COCO has it: the intersection is then divided by the
            area of this definition alone.

        Returns
        -------
        float
            In [0, 1]; 1 exactly for equal shapes, 0 for those that share no area.

        Raises
        ------
        UsageError
            If the other is neither definition nor annotation.
        """
        from dlgeom import overlap

        return overlap.iou(self, other, crowd=crowd)

    @property
    def coordinates(self) -> Any:
        """Geometry as the platform's JSON has it; None for what has none there."""
        from dlgeom.converters.dataloop.api import coordinates_of

        return coordinates_of(self)

    def to(self, target: str | builtins.type[Definition], **options: Any) -> Any:
        """Return it as another kind of shape: ``"polygon"``, ``"box"``...; see `convert`.

        Parameters
        ----------
        target : str or type
            Name of the kind, or its class.
        **options
            `width`, `radius`, `shape`... as `dlgeom.conversions.convert` has them.

        Raises
        ------
        GeometryError
            If it does not become one.
        """
        from dlgeom.conversions import convert

        return convert(self, target, **options)

    # Values: equality, hash, copies.

    def _same_geometry(self, other: Any) -> bool:
        """Return whether the geometry is exactly equal; `other` has the same type."""
        return bool(self._geometry_key() == other._geometry_key())

    def _geometry_key(self) -> Any:
        """Return something hashable that is equal for equal geometry."""
        return ()

    def _close_geometry(self, other: Any, atol: float) -> bool:
        """Return whether no coordinate differs by more than `atol` pixels."""
        return self._same_geometry(other)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (
            self.label == other.label
            and self._same_geometry(other)
            and self.attributes == other.attributes
            and self.description == other.description
        )

    def __ne__(self, other: object) -> bool:
        # msgspec's own compares identities; Python would not turn __eq__ around here.
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.label, self._geometry_key()))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def is_close(self, other: object, *, atol: float) -> bool:
        """Return whether the other is the same but for its coordinates, which may be off a bit.

        Parameters
        ----------
        other : object
            What to compare with.
        atol : float
            Largest difference of a coordinate in pixels, of an angle in degrees (359 and 1 differ
            by 2). A mask has no
            coordinates: it is close only if equal.

        Returns
        -------
        bool
            Type, label, attributes, description and structure (number of points...) are equal
            and no coordinate differs by more than `atol`.
        """
        return (
            isinstance(other, Definition)
            and type(other) is type(self)
            and self.label == other.label
            and self.attributes == other.attributes
            and self.description == other.description
            and self._close_geometry(other, atol)
        )

    def replace(
        self,
        *,
        label: str | None = KEEP,
        attributes: AttributesLike = KEEP,
        description: str | None = KEEP,
    ) -> Self:
        """Return the same geometry with another label, attributes or description."""
        changes: dict[str, Any] = {}
        if label is not KEEP:
            changes["label"] = checked_text(label, "label")
        if attributes is not KEEP:
            changes["attributes"] = frozen_attributes(attributes)
        if description is not KEEP:
            changes["description"] = checked_text(description, "description")
        return self._with(changes) if changes else self

    def _with(self, changes: dict[str, Any]) -> Self:
        """Return a copy with some fields changed; the values are checked already."""
        raise TypeError(f"{type(self).__name__} has no fields to replace")

    # Text.

    def _summary(self) -> list[str]:
        """Return what the repr says about the geometry."""
        return []

    def __repr__(self) -> str:
        parts = self._summary()
        parts += [
            f"{name}={value!r}"
            for name in ("label", "attributes", "description")
            if (value := getattr(self, name)) is not None and value != {}
        ]
        return f"{type(self).__name__}({', '.join(parts)})"


def check_common(definition: Definition) -> None:
    """Check and set, in a frozen Struct that is being built, what all definitions have."""
    put = msgspec.structs.force_setattr
    name = type(definition).__name__
    struct: Any = definition
    put(struct, "label", checked_text(struct.label, f"{name}: label"))
    put(struct, "attributes", frozen_attributes(struct.attributes))
    put(struct, "description", checked_text(struct.description, f"{name}: description"))


class ArrayDefinition(Definition):
    """Root of the definitions that hold arrays: slots that are set once.

    A subclass lists its own slots in ``_geometry`` in the order in which `_view` takes them.
    """

    __slots__ = ("attributes", "description", "label")

    _geometry: ClassVar[tuple[str, ...]] = ()

    def _fill(self, label: str | None, attributes: AttributesLike, description: str | None) -> None:
        """Check and set what all definitions have."""
        name = type(self).__name__
        put = object.__setattr__
        put(self, "label", checked_text(label, f"{name}: label"))
        put(self, "attributes", frozen_attributes(attributes))
        put(self, "description", checked_text(description, f"{name}: description"))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"{type(self).__name__}.{name} is read-only; definitions are values. "
            "Build a new one, or use replace()"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is read-only; definitions are values")

    def _with(self, changes: dict[str, Any]) -> Self:
        names = (*self._geometry, "label", "attributes", "description")
        values = (changes.get(name, getattr(self, name)) for name in names)
        changed: Self = _restore(type(self), *values)
        return changed

    def __reduce__(self) -> tuple[Any, ...]:
        names = (*self._geometry, "label", "attributes", "description")
        return _restore, (type(self), *(getattr(self, name) for name in names))


def _restore(cls: Any, *values: Any) -> Any:
    """Build an array definition from the values of its slots, unchecked but read-only."""
    self = object.__new__(cls)
    put = object.__setattr__
    for name, value in zip(
        (*cls._geometry, "label", "attributes", "description"), values, strict=True
    ):
        # An array that was pickled comes back writable.
        put(self, name, read_only(value) if isinstance(value, np.ndarray) else value)
    return self
