"""What a definition draws: areas to fill, lines to stroke, discs to set.

One thickness rule for all pictures and id maps (`marks_of`), so that a shape covers the same
pixels whatever they are painted with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions import (
    Box,
    Cube,
    Definition,
    Ellipse,
    Note,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import cuboids, ellipses

__all__ = [
    "CUBE_EDGES",
    "FILL",
    "Line",
    "Marks",
    "checked_thickness",
    "marks_of",
    "outline_of",
    "scale_of",
]

Floats = NDArray[np.float64]
Shape = tuple[int, int]

FILL = -1
"""The thickness that fills."""

MOST = 10_000
"""The greatest thickness, in pixels."""

THICK, THICK_POINT, THICK_CUBE = 2, 5, 1
"""The documented thickness of outlines and lines, of points, and of the edges of cubes."""

SCALED_FROM = 1280
"""Longest side of a picture, in pixels, up to which lines have the documented thickness."""

CUBE_EDGES = (
    (0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7),
)  # fmt: skip
"""Edges of a cube between the corners of `Cube.geo`: front, back, and those between them."""


class Line(NamedTuple):
    """A line to stroke: vertices of shape (n, 2), whether the last joins the first, thickness."""

    points: Floats
    closed: bool
    thickness: int


class Marks(NamedTuple):
    """What is to be painted of one definition; either an area, or lines and discs.

    Parameters
    ----------
    parts : list of list of ndarray, optional
        Parts to fill, each an exterior with holes.
    mask : Segmentation, optional
        Pixels to set.
    lines : sequence of Line
        Lines to stroke.
    discs : sequence of (x, y, size)
        Points; a disc reaches one and a half times its size from its centre.
    owner : Definition, optional
        What they are of, for messages.
    """

    parts: list[list[Floats]] | None = None
    mask: Segmentation | None = None
    lines: Sequence[Line] = ()
    discs: Sequence[tuple[float, float, int]] = ()
    owner: Definition | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to paint."""
        return self.parts is None and self.mask is None and not self.lines and not self.discs


NOTHING = Marks()


def checked_thickness(value: Any) -> int | None:
    """Return a thickness: None, -1 to fill, or whole pixels from 1.

    Raises
    ------
    UsageError
        If it is something else.
    """
    if value is None:
        return None
    try:
        number = int(value)
        good = number == value and not isinstance(value, bool) and number != 0 and number <= MOST
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise UsageError(
            f"thickness is {value!r}; it is a whole number of pixels from 1 to {MOST}, -1 to "
            "fill, or None for one that suits the picture. Correct it"
        )
    return max(number, FILL)


def scale_of(shape: Shape) -> float:
    """Return how much thicker than documented lines are drawn where no thickness is given.

    1 up to 1,280 pixels on the longer side, then in proportion to it: what is readable on a
    small picture stays so on a large one.
    """
    return max(1.0, max(shape) / SCALED_FROM)


def outline_of(definition: Definition) -> list[list[Floats]] | None:
    """Return the outline of what has an area, as parts of rings; None for all else.

    Cubes give their silhouette; boxes, notes and ellipses the polygons that they are.
    """
    if isinstance(definition, Polygon):
        return definition.parts
    if isinstance(definition, Box):
        return [[definition.corners]]
    if isinstance(definition, Note):
        return [[Box(*definition.bounds).corners]]
    if isinstance(definition, Ellipse):
        return [[ellipses.outline(definition._row()[0])]]
    if isinstance(definition, Cube):
        return [[cuboids.silhouette(definition.geo)]]
    return None


def marks_of(
    definition: Definition, thickness: int | None, shape: Shape, *, scaled: bool = True
) -> Marks:
    """Return what is painted of a definition.

    Parameters
    ----------
    definition : Definition
        What to draw; classifications, texts, cuboids in space and the like draw nothing.
    thickness : int, optional
        Of lines in pixels. -1 fills boxes, notes, polygons, ellipses and cubes; polylines then
        have the thickness 2, points 5. None is 2 for outlines and lines, 5 for points, 1 for
        cubes, times `scale_of` the picture.
    shape : tuple of int
        (height, width) of the whole image in pixels.
    scaled : bool, default True
        Whether what has no thickness given grows with the picture.

    Returns
    -------
    Marks
        A mask always with all its pixels, whatever the thickness.

    Raises
    ------
    GeometryError
        If a mask has another size than the image.
    """
    outline = outline_of(definition)
    if outline is not None and thickness == FILL:
        return Marks(outline, owner=definition) if len(outline[0][0]) > 2 else _edges(definition, 1)
    if isinstance(definition, Segmentation):
        if definition.shape != tuple(shape):
            raise GeometryError(
                f"the mask of {definition.label!r} is {definition.shape}, the picture "
                f"{tuple(shape)} (height, width); they have to be equal. Crop or pad the mask "
                "first, or give the picture its size"
            )
        return Marks(mask=definition, owner=definition)
    scale = scale_of(shape) if scaled else 1.0
    own = None if thickness is None or thickness < 0 else thickness
    line = own or max(1, round(THICK * scale))
    dot = own or max(1, round(THICK_POINT * scale))
    if isinstance(definition, Polyline):
        return Marks(
            lines=[Line(points, False, line) for points in definition.lines], owner=definition
        )
    if isinstance(definition, Point):
        return Marks(discs=[(definition.x, definition.y, dot)], owner=definition)
    if isinstance(definition, Pose):
        return _pose(definition, line, dot)
    if outline is None:
        return NOTHING
    if isinstance(definition, Cube):
        return _edges(definition, own or max(1, round(THICK_CUBE * scale)))
    return Marks(
        lines=[Line(ring, True, line) for part in outline for ring in part], owner=definition
    )


def _edges(definition: Definition, thickness: int) -> Marks:
    """Return the edges of a cube."""
    corners = definition.geo
    return Marks(
        lines=[Line(corners[list(edge)], False, thickness) for edge in CUBE_EDGES],
        owner=definition,
    )


def _pose(pose: Pose, line: int, dot: int) -> Marks:
    """Return the labelled key points of a pose and the edges between two of them."""
    points = pose.keypoints
    seen = points[:, 2] > 0
    lines = [Line(points[[a, b], :2], False, line) for a, b in pose.skeleton if seen[a] and seen[b]]
    discs = [(x, y, dot) for x, y, _ in points[seen].tolist()]
    return Marks(lines=lines, discs=discs, owner=pose)
