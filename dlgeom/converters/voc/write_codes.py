"""What a VOC data set cannot hold, or holds as something else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import APPROXIMATED, DROPPED, WRITTEN, Losses

__all__ = ["CODES", "approximate", "drop"]

CODES: tuple[tuple[str, str], ...] = (
    ("ref.category", "record without a label; a VOC object has a name"),
    ("text.control", "record whose label has control characters; XML cannot hold them"),
    ("geometry.none", "record without a shape or a box"),
    ("geometry.outside_image", "shape outside of its image"),
    ("geometry.box", "shape written as the box around it"),
    ("geometry.keypoints", "keypoints are not kept, only their box, or the point if it is one"),
    ("geometry.rounded", "coordinates rounded as --voc-numbers int asks"),
    ("geometry.raster", "polygon written as pixels"),
    ("geometry.overlap", "pixels that a later object covers are lost in the masks"),
    ("record.duplicate", "class of the whole image, which has an object of it, or the class twice"),
    ("path.normalised", "class of the whole image; no list can have its name"),
    ("mask.empty", "covers no pixel of the image; it is not in the masks"),
    ("mask.too_many", "more than 254 objects or classes; it is not in the masks"),
    ("image.size", "the size of the image is not known; it has no masks"),
    (
        "limit.pixels",
        "the image has more than the limit pixels; it has no masks. Raise it with --limit pixels=N",
    ),
    ("image.size_disagrees", "mask of another size than its image"),
)

_INDEX = {code: index for index, (code, _) in enumerate(CODES)}
Rows = NDArray[np.int64] | NDArray[np.bool_] | int


def approximate(
    losses: Losses, rows: Rows, code: str, measure: NDArray[np.float64] | float = np.nan
) -> None:
    """Mark rows as written approximately, unless more is known about them already.

    That an outline became pixels is the least that can be said; what became of these is more.
    """
    index = np.atleast_1d(np.arange(len(losses.status))[rows])
    fresh = (losses.status[index] == WRITTEN) | (losses.code[index] == _INDEX["geometry.raster"])
    losses.measure[index[fresh]] = np.broadcast_to(measure, index.shape)[fresh]
    losses.status[index[fresh]] = APPROXIMATED
    losses.code[index[fresh]] = _INDEX[code]


def drop(losses: Losses, rows: Rows, code: str) -> None:
    """Mark rows as left out; the first reason stays."""
    index = np.atleast_1d(np.arange(len(losses.status))[rows])
    index = index[losses.status[index] != DROPPED]
    losses.status[index] = DROPPED
    losses.code[index] = _INDEX[code]
    losses.measure[index] = np.nan
