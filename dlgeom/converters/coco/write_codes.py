"""What a COCO file cannot hold, or holds as something else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import APPROXIMATED, DROPPED, Losses

__all__ = ["CODES", "approximate", "drop"]

CODES: tuple[tuple[str, str], ...] = (
    ("geometry.rotated", "rotated box written as its four corners with attributes.rotation"),
    ("geometry.holes", "polygon with holes written as a mask of run lengths"),
    ("geometry.holes_bridged", "polygon with holes written as one ring with bridges"),
    ("geometry.holes_dropped", "polygon written without its holes"),
    ("geometry.companion", "record with several shapes: COCO holds the polygon, not the others"),
    ("geometry.polygon", "shape written as the polygon of its outline"),
    ("geometry.box", "shape written as the box around it"),
    ("geometry.point", "point written as a single keypoint"),
    ("keypoints.arity", "point of a class whose poses have several keypoints"),
    ("geometry.line", "open line: COCO has areas only"),
    ("geometry.none", "shape that COCO has no place for"),
    ("geometry.raster", "shape written as pixels"),
    ("geometry.overlap", "pixels that a later segment covers are lost: panoptic has one a pixel"),
    ("mask.empty", "segment without a pixel of its own"),
    ("ref.category", "record without a label; COCO annotations need a category"),
    ("number.not_finite", "record with a number that is not finite; JSON has none"),
    ("image.size_disagrees", "mask of another size than its image"),
    ("polygon.zero_area", "outline, or a ring of it, whose points are on one line; it has no area"),
    ("polygon.too_few", "outline, or a ring of it, of fewer than three points"),
    ("limit.points", "outline, or a ring of it, of more points than readers take"),
    ("geometry.outside_image", "shape outside of its image"),
    ("option.crowd", "crowd region, left out on request"),
)

_INDEX = {code: index for index, (code, _) in enumerate(CODES)}

Rows = NDArray[np.int64] | NDArray[np.bool_] | int


def approximate(
    losses: Losses, rows: Rows, code: str, measure: NDArray[np.float64] | float = np.nan
) -> None:
    """Mark rows as written approximately; `measure` is how much of the geometry is kept."""
    losses.status[rows] = APPROXIMATED
    losses.code[rows] = _INDEX[code]
    losses.measure[rows] = measure


def drop(losses: Losses, rows: Rows, code: str) -> None:
    """Mark rows as left out."""
    losses.status[rows] = DROPPED
    losses.code[rows] = _INDEX[code]
    losses.measure[rows] = np.nan
