"""What each row of a chunk came to when it was written: the ledger of one chunk."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import APPROXIMATED, DROPPED, WRITTEN, Losses

__all__ = ["CODES", "Ledger"]

CODES: tuple[tuple[str, str], ...] = (
    ("ref.category", "has no label; each YOLO row names a class"),
    ("option.crowd", "is a crowd region; left out as --yolo-crowd drop asks"),
    ("geometry.none", "has no shape that a row of this task can hold"),
    ("shape.classification", "names the whole image; only the task classify holds that"),
    ("shape.text", "is a text; YOLO holds none"),
    ("shape.point", "is a point; a box or outline of no size is no object"),
    ("geometry.bbox_missing", "has no box, and no shape to take one from"),
    ("geometry.to_box", "polygon or mask became the box around it"),
    ("geometry.rotated_to_box", "rotated box became the upright box around it"),
    ("geometry.keypoints_to_box", "pose became a box"),
    ("geometry.keypoints_lost", "keypoints beside the shape are not kept"),
    ("geometry.mask_lost", "polygon, mask or rotated box beside the pose is not kept"),
    ("geometry.box_to_polygon", "box became a polygon of its four corners"),
    ("geometry.rotated_to_polygon", "rotated box became a polygon of its four corners"),
    (
        "geometry.outlined",
        "polygon leaves the image or cannot be one ring; the pixel-edge outline of its mask "
        "stands for it, with the same pixels",
    ),
    ("geometry.holes_filled", "holes were filled as --yolo-holes fill asks"),
    ("geometry.to_rotated", "polygon or mask became the smallest rotated box around it"),
    ("geometry.clipped", "was cut at the edge of the image as --yolo-clip image asks"),
    ("geometry.outside_image", "lies outside of the image"),
    ("keypoints.missing", "has no keypoints; all of them are written as missing"),
    ("keypoints.arity", "has more keypoints than the classes name"),
    ("keypoints.clipped", "keypoints outside of the image became missing, as --yolo-clip asks"),
    ("mask.empty", "covers no pixel of the image"),
    ("polygon.zero_area", "is smaller than the decimals of the file can tell"),
    (
        "limit.points",
        "has an outline longer than the limit outline, or of more points than ring_points; raise "
        "them with --limit to write it, and to read it again",
    ),
    ("label.second", "is a further class of an image; a folder of images holds one each"),
    ("shape.box_of_image", "only its label is kept: the task classify has no shapes"),
)
"""Code and sentence for each kind of loss; `Losses.code` points into it."""

_INDEX = {code: number for number, (code, _) in enumerate(CODES)}

Which = NDArray[np.bool_] | NDArray[np.integer[Any]]


class Ledger:
    """Status, code and measure of each row; what came first stays, but a drop is final."""

    __slots__ = ("code", "measure", "status")

    def __init__(self, rows: int) -> None:
        self.status = np.zeros(rows, dtype=np.uint8)
        self.code = np.full(rows, -1, dtype=np.int16)
        self.measure = np.full(rows, np.nan)

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Whether each row is still to be written."""
        alive: NDArray[np.bool_] = self.status != DROPPED
        return alive

    def drop(self, which: Which, code: str) -> None:
        """Drop rows, given as a mask or as indexes."""
        rows = _rows(which)
        rows = rows[self.status[rows] != DROPPED]
        self.status[rows] = DROPPED
        self.code[rows] = _INDEX[code]
        self.measure[rows] = np.nan

    def change(
        self, which: Which, code: str, measure: NDArray[np.float64] | float = np.nan
    ) -> None:
        """Tell that rows are approximated; `measure` has an entry for each of `which`."""
        rows = _rows(which)
        values = np.broadcast_to(np.asarray(measure, dtype=np.float64), (len(rows),))
        fresh = self.status[rows] == WRITTEN
        rows, values = rows[fresh], values[fresh]
        self.status[rows] = APPROXIMATED
        self.code[rows] = _INDEX[code]
        self.measure[rows] = values

    def put(self, rows: NDArray[np.integer[Any]], other: Ledger) -> None:
        """Take over what another ledger says of some rows."""
        self.status[rows] = other.status
        self.code[rows] = other.code
        self.measure[rows] = other.measure

    def losses(self) -> Losses:
        """Return the columns as the pipeline takes them."""
        return Losses(status=self.status, code=self.code, codes=CODES, measure=self.measure)


def _rows(which: Which) -> NDArray[np.integer[Any]]:
    return np.flatnonzero(which) if which.dtype == np.bool_ else which.astype(np.intp, copy=False)
