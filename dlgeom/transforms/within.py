"""What of a definition lies in an image: cutting, and how much is left."""

from __future__ import annotations

from typing import Any

import msgspec
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
from dlgeom.geometry import affine as maps
from dlgeom.geometry import clipping, ellipses, rle, rle_affine, rotated
from dlgeom.transforms.affine import Affine
from dlgeom.transforms.shapes import (
    _with_keypoints,
    apply_to_definition,
    checked_boxes,
    ring_polygon,
)

__all__ = [
    "Result",
    "checked_visibility",
    "crop_definition",
    "cut_definition",
    "has_place",
    "move_and_cut",
    "visible_fraction",
]

Floats = NDArray[np.float64]
Window = tuple[float, float, float, float]
Result = tuple[Definition | None, float]


def checked_visibility(value: object) -> float:
    """Return a fraction in [0, 1], or raise `UsageError`."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise UsageError(f"min_visibility is {value!r}; it is a fraction from 0 to 1")
    if not 0 <= value <= 1:
        raise UsageError(f"min_visibility is {value!r}; it is a fraction from 0 to 1")
    return float(value)


def has_place(definition: Definition) -> bool:
    """Whether it lies somewhere in the image, so that it can be cut."""
    if isinstance(definition, Pose):
        return bool((definition.keypoints[:, 2] > 0).any())
    kinds = Box | Cube | Ellipse | Note | Point | Polygon | Polyline | Segmentation
    return isinstance(definition, kinds)


def visible_fraction(definition: Definition, size: tuple[float, float]) -> float:
    """Return which part of a definition lies in an image of `size` (width, height), in [0, 1].

    Of its area; of its length if it has no area; of a pose's labelled points. 1 for what has no
    place in the image, such as a classification.
    """
    return cut_definition(definition, size)[1]


@np.errstate(over="ignore", invalid="ignore")
def cut_definition(
    definition: Definition, size: tuple[float, float], *, boxes: str = "exact"
) -> Result:
    """Cut a definition to an image.

    Parameters
    ----------
    definition : Definition
        In the coordinates of the image.
    size : tuple of float
        (width, height) of the image, whose left-top corner is (0, 0).
    boxes : {"exact", "rotated", "bounds", "polygon"}
        What a rotated box becomes of which a part is cut: the polygon that is left, the smallest
        rotated box around that, or its bounds.

    Returns
    -------
    definition : Definition or None
        What is left: the same object if nothing was cut, None if nothing is left. Of an ellipse
        the polygon (within 0.05 px of it), of a pose all points, those outside with visibility 0,
        of a cube all corners. A mask keeps its canvas.
    visible : float
        Which part is left, in [0, 1].
    """
    checked_boxes(boxes)
    window = (0.0, 0.0, float(size[0]), float(size[1]))
    if not has_place(definition):
        return definition, 1.0
    if isinstance(definition, Segmentation) and not definition.area:
        return None, 0.0  # an empty mask shows nothing anywhere
    left, top, right, bottom = definition.bounds
    whole = left >= 0 and top >= 0 and right <= window[2] and bottom <= window[3]
    if whole and boxes != "polygon":
        return definition, 1.0
    if isinstance(definition, Box):
        return _box(definition, window, boxes)
    if whole:
        return definition, 1.0
    if isinstance(definition, Note):
        kept, visible = _upright(definition.bounds, window)
        edges = (
            None
            if kept is None
            else dict(zip(("left", "top", "right", "bottom"), kept, strict=True))
        )
        return None if edges is None else msgspec.structs.replace(definition, **edges), visible
    if isinstance(definition, Polygon):
        return _parts(definition, definition.parts, window)
    if isinstance(definition, Ellipse):
        return _parts(definition, [[ellipses.outline(definition._row()[0])]], window)
    if isinstance(definition, Polyline):
        return _lines(definition, window)
    if isinstance(definition, Pose):
        return _pose(definition, window)
    if isinstance(definition, Cube):
        visible = clipping.share(definition.geo, window)
        return (definition if visible > 0 else None), visible
    if isinstance(definition, Segmentation):
        return _mask(definition, window)
    return None, 0.0  # a point outside


def _upright(bounds: Any, window: Window) -> tuple[Window | None, float]:
    """Cut an upright box; one without area by its length."""
    left, top, right, bottom = bounds
    kept = (
        max(left, window[0]),
        max(top, window[1]),
        min(right, window[2]),
        min(bottom, window[3]),
    )
    width, height = kept[2] - kept[0], kept[3] - kept[1]
    if width < 0 or height < 0:
        return None, 0.0
    # Each side that has a length has to keep some of it.
    share = 1.0
    for now, before in ((width, right - left), (height, bottom - top)):
        if before > 0:
            share *= now / before
    return (kept, share) if share > 0 else (None, 0.0)


def _box(box: Box, window: Window, boxes: str) -> Result:
    rest = (box.label, box.attributes, box.description)
    corners = box.corners
    if not box.is_rotated and boxes != "polygon":
        kept, visible = _upright(box.bounds, window)
        return None if kept is None else Box(*kept, *rest, angle=box.angle), visible
    if box.area > 0:
        parts, visible = clipping.clip_parts([[corners]], window)
        if not parts:
            return None, 0.0
        left = Polygon.from_parts(parts, *rest)
    else:
        visible = clipping.share(corners, window)
        ring = clipping.clip_ring(corners, window)
        if not visible > 0 or len(ring) < 3:
            return None, 0.0
        left = ring_polygon(ring, *rest)
    return _as_box(left, boxes), visible


def _as_box(polygon: Polygon, boxes: str) -> Definition:
    """Return what is left of a rotated box as the kind of shape that is asked for."""
    rest = (polygon.label, polygon.attributes, polygon.description)
    if boxes == "bounds":
        return Box(*polygon.bounds, *rest)
    if boxes == "rotated":
        return Box.from_rotated(rotated.min_area_rectangle(polygon._xy), *rest)
    return polygon


def _as_asked(found: Definition | None, boxes: str) -> Definition | None:
    """Return what is left of a box as a box, if one is asked for: it may be a polygon by now."""
    if isinstance(found, Polygon) and boxes in ("rotated", "bounds"):
        return _as_box(found, boxes)
    if isinstance(found, Box) and found.is_rotated and boxes == "bounds":
        return Box(*found.bounds, found.label, found.attributes, found.description)
    return found


def _parts(definition: Polygon | Ellipse, parts: Any, window: Window) -> Result:
    left, top, right, bottom = definition.bounds
    if left > window[2] or top > window[3] or right < window[0] or bottom < window[1]:
        return None, 0.0
    found, visible = clipping.clip_parts(parts, window)
    if not found or not visible > 0:
        return None, 0.0
    rest = (definition.label, definition.attributes, definition.description)
    return Polygon.from_parts(found, *rest), visible


def _lines(definition: Polyline, window: Window) -> Result:
    pieces: list[Floats] = []
    kept = whole = 0.0
    for line in definition.lines:
        found, some, length = clipping.clip_line(line, window)
        pieces += found
        kept, whole = kept + some, whole + length
    if not pieces:
        return None, 0.0
    visible = min(kept / whole, 1.0) if whole > 0 else 1.0
    rest = (definition.label, definition.attributes, definition.description)
    return Polyline(pieces, *rest), visible


def _pose(pose: Pose, window: Window) -> Result:
    xyv = pose.keypoints
    labelled = xyv[:, 2] > 0
    x, y = xyv[:, 0], xyv[:, 1]
    inside = (x >= window[0]) & (y >= window[1]) & (x <= window[2]) & (y <= window[3])
    seen = int((labelled & inside).sum())
    if not seen:
        return None, 0.0
    moved = xyv.copy()
    moved[~inside, 2] = 0.0
    return _with_keypoints(pose, moved), seen / int(labelled.sum())


def _mask(mask: Segmentation, window: Window) -> Result:
    """Cut a mask that is larger than the image; it keeps its canvas."""
    height, width = mask.shape
    right, bottom = (
        int(min(np.ceil(side - 0.5), most))
        for side, most in zip(window[2:], (width, height), strict=True)
    )
    if right <= 0 or bottom <= 0:
        return None, 0.0
    from dlgeom.geometry import rle_grid

    inner = rle_grid.window(mask.counts, mask.shape, 0, 0, right, bottom)
    area = rle.area(inner)
    if area == 0:
        return None, 0.0
    counts = rle_grid.window(inner, (bottom, right), 0, 0, width, height)
    rest = (mask.label, mask.attributes, mask.description)
    return Segmentation._of_counts(counts, mask.shape, *rest), area / mask.area


@np.errstate(over="ignore", invalid="ignore")
def move_and_cut(
    transform: Affine,
    definition: Definition,
    *,
    min_visibility: float = 0.0,
    boxes: str = "exact",
    **options: Any,
) -> Result:
    """Return a definition where the map takes it, cut to the image, and which part is left.

    Raises
    ------
    UsageError
        If the map has no `size`; as `Affine.apply`.
    """
    least = checked_visibility(min_visibility)
    checked_boxes(boxes)
    if transform.size is None:
        raise UsageError(
            "cut needs the size of the image that comes out; build the map with size=, or with "
            "crop, resize or letterbox"
        )
    if isinstance(definition, Segmentation):
        found, visible = _moved_mask(transform, definition)
    elif isinstance(definition, Pose):
        # Moved without a size first: which points leave is told from all of them.
        free = Affine(transform.matrix)
        moved = apply_to_definition(free, definition, **options)
        found, visible = cut_definition(moved, transform.size)
    else:
        kind = "polygon" if boxes == "polygon" else "exact"
        moved = apply_to_definition(transform, definition, boxes=kind, **options)
        found, visible = cut_definition(moved, transform.size, boxes=boxes)
        if isinstance(definition, Box):
            found = _as_asked(found, boxes)
    return (found, visible) if found is not None and visible >= least else (None, visible)


def _moved_mask(transform: Affine, mask: Segmentation) -> Result:
    moved = apply_to_definition(transform, mask)
    if not isinstance(moved, Segmentation) or transform.size is None:
        raise TypeError("a mask moves as a mask")
    area = moved.area
    if not area:
        return None, 0.0
    left, top, right, bottom = maps.box_bounds(transform.matrix, [mask.bounds])[0].tolist()
    wide, high = transform.size
    if left >= 0 and top >= 0 and right <= wide and bottom <= high:
        return moved, 1.0
    # The same pixels on a canvas that holds all of them.
    x, y = int(np.floor(left)), int(np.floor(top))
    shape = (int(np.ceil(bottom)) - y, int(np.ceil(right)) - x)
    matrix = maps.product(maps.translation(-x, -y), transform.matrix)
    whole = rle.area(rle_affine.transform(mask.counts, mask.shape, matrix, shape))
    return moved, min(area / whole, 1.0) if whole else 1.0


def crop_definition(
    definition: Definition,
    left: float,
    top: float,
    right: float,
    bottom: float,
    *,
    boxes: str = "exact",
) -> Definition | None:
    """Return what of a definition lies in a window, counted from its left-top corner.

    Edges of the window may lie between pixels, but not for masks, whose canvas has whole pixels.

    Raises
    ------
    GeometryError
        If the window has no area, or the definition is a mask and its size is not whole.
    """
    edges = tuple(float(edge) for edge in (left, top, right, bottom))
    width, height = edges[2] - edges[0], edges[3] - edges[1]
    if not (0 < width < np.inf and 0 < height < np.inf):
        raise GeometryError(
            f"crop: the window {edges} has no area; edges go left, top, right, bottom"
        )
    if isinstance(definition, Segmentation) or (width.is_integer() and height.is_integer()):
        found, _ = move_and_cut(Affine.crop(*edges), definition, boxes=boxes)
        return found
    moved = apply_to_definition(Affine.translate(-edges[0], -edges[1]), definition)
    found = cut_definition(moved, (width, height), boxes=boxes)[0]
    return _as_asked(found, boxes) if isinstance(definition, Box) else found
