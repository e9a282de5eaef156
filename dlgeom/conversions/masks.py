"""Masks to shapes, and polygons to masks.

Masks are given as arrays of shape (height, width), where anything that is not zero is set, or as
`Segmentation`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.conversions.simplifying import check_epsilon, simplify
from dlgeom.definitions import Box, Polygon, Segmentation
from dlgeom.definitions.base import AttributesLike, frozen_attributes, number
from dlgeom.definitions.segmentation import mask_array, mask_shape
from dlgeom.errors import GeometryError
from dlgeom.geometry import contours, raster, rings, rle
from dlgeom.geometry.ragged import offsets_of

__all__ = [
    "mask_to_boxes",
    "mask_to_polygon",
    "mask_to_polygons",
    "polygon_to_mask",
    "polygon_to_runs",
]

Floats = NDArray[np.float64]
Mask = NDArray[Any] | Segmentation
Shape = tuple[int, int]


def mask_to_boxes(mask: Mask, label: str | None, *, attributes: AttributesLike = None) -> list[Box]:
    """Return the bounds of each separate component of a mask, largest (most pixels) first.

    Exact. Components are 8-connected; holes are none, single pixels are.

    Raises
    ------
    GeometryError
        If the mask is not two-dimensional.
    """
    if isinstance(mask, Segmentation):
        counts, shape = mask.counts, mask.shape
    else:
        dense = mask_array(mask)
        counts, shape = rle.encode(dense), (dense.shape[0], dense.shape[1])
    given = frozen_attributes(attributes)
    found = contours.component_bounds(counts, shape).astype(np.float64)
    return [
        Box(left, top, right, bottom, label, given) for left, top, right, bottom in found.tolist()
    ]


def mask_to_polygons(
    mask: Mask,
    label: str | None,
    *,
    attributes: AttributesLike = None,
    epsilon: float | None = None,
    max_instances: int | None = None,
    min_area: float = 0,
) -> list[Polygon]:
    """Outline each separate component of a mask, largest (most pixels) first.

    Exact unless `epsilon` is greater than 0: outlines run along pixel edges, holes and islands
    in them included, so that filling the polygons gives back the mask, pixel for pixel.

    Parameters
    ----------
    mask : ndarray, shape (H, W), or Segmentation
        What to outline; components are 8-connected.
    label, attributes
        Of the polygons.
    epsilon : float, optional
        None leaves out collinear vertices; 0 keeps each pixel corner; a greater number is the
        largest distance in pixels between the outline and its simplification (`simplify`).
    max_instances : int, optional
        How many components to return; all if None.
    min_area : float, default 0
        Components with fewer pixels are left out.

    Returns
    -------
    list of Polygon
        Empty for an empty mask.

    Raises
    ------
    GeometryError
        If the mask is not two-dimensional, or a parameter is out of its range.
    """
    check_epsilon(epsilon)
    check_instances(max_instances, min_area)
    given = frozen_attributes(attributes)
    if isinstance(mask, Segmentation):
        batches = contours.trace_in_batches(mask.counts, mask.shape, min_area=min_area)
    else:
        batches = iter([contours.trace_components(mask_array(mask))])
    found: list[Polygon] = []
    for outlines in batches:
        # Shoelace areas of outlines along pixel edges are the pixels inside, exactly.
        large = np.flatnonzero(rings.row_areas(outlines) >= min_area)
        room = None if max_instances is None else max_instances - len(found)
        found += [
            _with_epsilon(Polygon._of_row(outlines, row, label, given), epsilon)
            for row in large[:room].tolist()
        ]
        if len(found) == max_instances:
            break
    return found


def check_instances(max_instances: object, min_area: object) -> None:
    """Raise `GeometryError` unless the limits of `mask_to_polygons` are in their ranges."""
    whole = isinstance(max_instances, int | np.integer) and not isinstance(max_instances, bool)
    if max_instances is not None and not (whole and max_instances >= 1):  # type: ignore[operator]
        raise GeometryError(
            f"max_instances is {max_instances!r}; it is a whole number of at least 1, or None for "
            "all"
        )
    number(min_area, "min_area")


def mask_to_polygon(
    mask: Mask,
    label: str | None,
    *,
    attributes: AttributesLike = None,
    epsilon: float | None = None,
) -> Polygon:
    """Outline all components of a mask as the parts of one polygon.

    Exact unless `epsilon` is greater than 0, as `mask_to_polygons`.

    Raises
    ------
    GeometryError
        If the mask is not two-dimensional or has no pixel set.
    """
    check_epsilon(epsilon)
    if isinstance(mask, Segmentation):
        outline = contours.trace_runs(mask.counts, mask.shape)
    else:
        outline = contours.trace(mask_array(mask))
    if outline.part_counts[0] == 0:
        raise GeometryError("the mask has no pixel set; an outline needs one. Leave it out")
    polygon = Polygon._of_row(outline, 0, label, frozen_attributes(attributes))
    return _with_epsilon(polygon, epsilon)


def _with_epsilon(polygon: Polygon, epsilon: float | None) -> Polygon:
    if epsilon is None:
        return polygon
    return _all_corners(polygon) if epsilon == 0 else simplify(polygon, epsilon=epsilon)


def _all_corners(polygon: Polygon) -> Polygon:
    """Put back the pixel corners on the straight pieces of a pixel-edge outline."""
    parts = [[_unit_steps(ring) for ring in part] for part in polygon.parts]
    return Polygon.from_parts(parts, polygon.label, polygon.attributes, polygon.description)


def _unit_steps(ring: Floats) -> Floats:
    steps = np.roll(ring, -1, axis=0) - ring
    counts = np.abs(steps).max(axis=1).astype(np.int64)
    starts = offsets_of(counts)
    position = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
    ways = np.repeat(np.sign(steps), counts, axis=0)
    return np.asarray(np.repeat(ring, counts, axis=0) + ways * position[:, None])


def polygon_to_runs(polygon: Polygon, shape: Shape) -> NDArray[np.uint32]:
    """Fill a polygon as run lengths, column by column, zeros first; see `polygon_to_mask`."""
    return raster.parts_to_runs(polygon.parts, mask_shape(shape, "polygon_to_runs"))


def polygon_to_mask(polygon: Polygon, shape: Shape) -> NDArray[np.bool_]:
    """Fill a polygon: bool array of shape (height, width).

    Equal to pycocotools' result pixel for pixel: OR over the parts of (exterior XOR holes).

    Raises
    ------
    GeometryError
        If the shape is not (height, width) > 0, or the polygon is too far from the image.
    """
    return raster.parts_to_mask(polygon.parts, mask_shape(shape, "polygon_to_mask"))
