"""What is compared: definitions of any kind in the form that a comparison takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlgeom import conversions
from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.definitions import Box, Ellipse, Note, Polygon, Segmentation
from dlgeom.definitions.base import Definition
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import ellipses
from dlgeom.geometry.ragged import Rings, Runs

__all__ = ["BOX", "KINDS", "MASK", "NOTHING", "POLYGON", "ROTATED", "Kind", "Operand", "Side"]

Kind = Literal["auto", "box", "rotated", "polygon", "mask"]
Operand = Definition | Annotation | AnnotationCollection | Iterable[Definition | Annotation]

NOTHING, BOX, ROTATED, POLYGON, MASK = -1, 0, 1, 2, 3
"""Forms, each able to say what those before it say; a pair is compared in the higher one."""

KINDS = {"box": BOX, "rotated": ROTATED, "polygon": POLYGON, "mask": MASK}


FINENESS = 1e-4
"""Distance of an ellipse's outline from it as a part of its longer semi-axis."""


class Side:
    """One side of a comparison.

    Parameters
    ----------
    given : Definition, Annotation, AnnotationCollection, or iterable of definitions, annotations
        What to compare; of an annotation its definition as it is now.
    kind : str
        Form in which all are compared, "auto" for the form that each one has.
    width, radius : float, optional
        What gives lines and points an area, as for `dlgeom.conversions.to_polygon`.

    Raises
    ------
    UsageError
        If something is neither definition nor annotation, or the kind is none.
    """

    def __init__(
        self,
        given: Operand,
        kind: str = "auto",
        width: float | None = None,
        radius: float | None = None,
    ) -> None:
        if kind != "auto" and kind not in KINDS:
            raise UsageError(f"kind is {kind!r}; it is one of auto, {', '.join(KINDS)}")
        self.members: list[Definition | Annotation] = members_of(given)
        self.shapes = [shape_of(member) for member in self.members]
        self.size = _size_of(given, self.members)
        self._options = {"width": width, "radius": radius}
        self._outlines: dict[int, Polygon | None] = {}
        wanted = None if kind == "auto" else KINDS[kind]
        self.forms = np.array([self._form(row, wanted) for row in range(len(self))], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.shapes)

    def _form(self, row: int, wanted: int | None) -> int:
        shape = self.shapes[row]
        if isinstance(shape, Segmentation):
            if wanted is None or wanted == MASK:
                return MASK
            return wanted if shape.area else NOTHING
        if isinstance(shape, Box | Note):
            turned = isinstance(shape, Box) and bool(shape.angle)
            return wanted if wanted is not None else (ROTATED if turned else BOX)
        if wanted == BOX:
            # Whatever has a place has bounds, points and lines flat ones.
            return BOX if shape.bounds[0] == shape.bounds[0] else NOTHING
        return NOTHING if self._outline(row) is None else POLYGON if wanted is None else wanted

    def _outline(self, row: int) -> Polygon | None:
        """Return the outline of a shape, None where it has no area."""
        if row not in self._outlines:
            try:
                self._outlines[row] = _outline(self.shapes[row], self._options)
            except GeometryError:
                if not _has_no_area(self.shapes[row]):
                    raise
                self._outlines[row] = None
        return self._outlines[row]

    @property
    def mask_shapes(self) -> list[tuple[int, int]]:
        """(height, width) of the masks that are compared as masks."""
        forms = self.forms.tolist()
        return [
            shape.shape
            for shape, form in zip(self.shapes, forms, strict=True)
            if form == MASK and isinstance(shape, Segmentation)
        ]

    def column(self, rows: NDArray[np.int64], form: int, size: tuple[int, int] | None) -> Any:
        """Return rows in one form, as `dlgeom.geometry.overlap` takes them."""
        chosen = [(row, self.shapes[row]) for row in rows.tolist()]
        if form == BOX:
            boxes = [conversions.to_box(shape, **self._options).bounds for _, shape in chosen]
            return np.array(boxes, dtype=np.float64).reshape(-1, 4)
        if form == ROTATED:
            turned = [
                shape.rotated
                if isinstance(shape, Box)
                else conversions.to_rotated_box(shape, **self._options).rotated
                for _, shape in chosen
            ]
            return np.array(turned, dtype=np.float64).reshape(-1, 5)
        if form == POLYGON:
            outlines = [self._outline(row) for row, _ in chosen]
            return Rings.concat([found.outline for found in outlines if found is not None])
        if size is None:
            raise UsageError("nothing says how large the masks are; pass shape=(height, width)")
        masks = [conversions.to_segmentation(shape, size, **self._options) for _, shape in chosen]
        return Runs.of([(mask.counts, mask.shape) for mask in masks])

    @property
    def crowds(self) -> NDArray[np.bool_]:
        """Which are annotations of crowds, shape (N,)."""
        return np.array(
            [isinstance(one, Annotation) and one.crowd for one in self.members], dtype=np.bool_
        )

    def equals(self, row: int, other: Side, column: int) -> bool:
        """Return whether two shapes without area, or pixels, are the same in the same place."""
        one, two = self.shapes[row], other.shapes[column]
        placed = one.bounds[0] == one.bounds[0]
        return placed and type(one) is type(two) and one._same_geometry(two)

    @property
    def only_masks(self) -> bool:
        """Whether all are masks to begin with."""
        return all(isinstance(shape, Segmentation) for shape in self.shapes)


def _outline(shape: Definition, options: dict[str, float | None]) -> Polygon:
    """Return what is compared of a shape with area, ellipses finer than they are drawn."""
    if isinstance(shape, Ellipse) and min(shape.rx, shape.ry) > 0:
        distance = min(ellipses.DISTANCE, FINENESS * max(shape.rx, shape.ry))
        return Polygon(ellipses.outline(shape._row()[0], distance=distance), shape.label)
    return conversions.to_polygon(shape, **options)


def members_of(given: Operand) -> list[Definition | Annotation]:
    """Return what is given as a list.

    Raises
    ------
    UsageError
        If something is neither a definition nor an annotation.
    """
    if isinstance(given, Definition | Annotation):
        return [given]
    try:
        members = list(given)
    except TypeError as error:
        raise UsageError(
            f"{given!r} is nothing to compare; give definitions, annotations or a collection"
        ) from error
    for position, member in enumerate(members):
        if not isinstance(member, Definition | Annotation):
            raise UsageError(
                f"entry {position} is {member!r}; definitions and annotations are compared. "
                "For arrays see dlgeom.geometry.overlap"
            )
    return members


def shape_of(member: Definition | Annotation) -> Definition:
    """Return the definition of an annotation, or the definition itself."""
    return member.annotation_definition if isinstance(member, Annotation) else member


def _size_of(given: Operand, members: list[Definition | Annotation]) -> tuple[int, int] | None:
    """Return (height, width) of the image as an item says it."""
    items = [given.item] if isinstance(given, AnnotationCollection) else []
    items += [member.item for member in members if isinstance(member, Annotation)]
    for item in items:
        if item is not None and item.width and item.height:
            return item.height, item.width
    return None


def _has_no_area(shape: Definition) -> bool:
    """Return whether it is a shape that may have none, so that an error says just that."""
    return not isinstance(shape, Polygon | Segmentation)
