"""Any shape to any other; each function says what is exact and what is approximate.

Labels, attributes and descriptions are kept. Masks are given as arrays of shape (height, width),
where anything that is not zero is set, or as `Segmentation`.
"""

from __future__ import annotations

from dlgeom.conversions.dispatch import convert
from dlgeom.conversions.further import (
    fit_ellipse,
    to_cube,
    to_ellipse,
    to_hull,
    to_point,
    to_polyline,
    to_pose,
)
from dlgeom.conversions.masks import (
    mask_to_boxes,
    mask_to_polygon,
    mask_to_polygons,
    polygon_to_mask,
    polygon_to_runs,
)
from dlgeom.conversions.shapes import to_box, to_polygon, to_rotated_box, to_segmentation
from dlgeom.conversions.simplifying import simplify

__all__ = [
    "convert",
    "fit_ellipse",
    "mask_to_boxes",
    "mask_to_polygon",
    "mask_to_polygons",
    "polygon_to_mask",
    "polygon_to_runs",
    "simplify",
    "to_box",
    "to_cube",
    "to_ellipse",
    "to_hull",
    "to_point",
    "to_polygon",
    "to_polyline",
    "to_pose",
    "to_rotated_box",
    "to_segmentation",
]
