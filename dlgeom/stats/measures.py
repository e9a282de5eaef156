"""What is measured of each record: one number a row and measure, NaN where it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.definitions import Polygon, Polyline, Pose
from dlgeom.geometry import rings, rle

if TYPE_CHECKING:
    from dlgeom.annotation import Annotation

__all__ = ["KINDS", "MEASURES", "kinds_of", "measure"]

Floats = NDArray[np.float64]

MEASURES: dict[str, str] = {
    "width": "width of the bounds, px",
    "height": "height of the bounds, px",
    "aspect": "width / height of the bounds",
    "area": "area of the shape, px²",
    "share": "area of the shape / area of the image",
    "vertices": "vertices of the outline or line",
    "holes": "holes of the outline",
    "keypoints": "labelled key points",
    "frames": "frames from first to last",
    "keyframes": "states that are stored over the frames",
    "score": "score",
}
"""Name and meaning of each measure."""

KINDS = ("box", "rotated box", "polygon", "mask", "keypoints")
"""Kinds that have a column; records of others go by the type of their definition."""


def measure(chunk: Chunk) -> dict[str, Floats]:
    """Return each measure of each row of a chunk, shape (N,).

    Bounds are those of the shape that has an area (rotated box, polygon, mask), of a bare box,
    or else of the key points; a stored box beside another shape tells nothing more.
    """
    n = len(chunk)
    found = {name: np.full(n, np.nan) for name in MEASURES}
    bounds = np.full((n, 4), np.nan)
    area = found["area"]
    _points(chunk, bounds, found)
    _boxes(chunk, bounds, area)
    _masks(chunk, bounds, area)
    _outlines(chunk, bounds, found)
    for row, annotation in chunk.others.items():
        _object(annotation, row, bounds, found)
    found["width"] = bounds[:, 2] - bounds[:, 0]
    found["height"] = bounds[:, 3] - bounds[:, 1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        aspect = found["width"] / found["height"]
        sizes = chunk.sizes.astype(np.float64)
        share = area / sizes.prod(axis=1)
    # Flat boxes have no aspect, images of unknown size no share.
    found["aspect"] = np.where(np.isfinite(aspect) & (aspect > 0), aspect, np.nan)
    found["share"] = np.where(np.isfinite(share), share, np.nan)
    found["score"] = chunk.score.copy()
    return found


def _points(chunk: Chunk, bounds: Floats, found: dict[str, Floats]) -> None:
    values = chunk.keypoints.values
    if not len(values):
        return
    rows = np.repeat(np.arange(len(chunk)), chunk.keypoints.lengths)
    seen = values[:, 2] > 0
    has = np.flatnonzero(chunk.keypoints.lengths)
    found["keypoints"][has] = np.bincount(rows[seen], minlength=len(chunk))[has]
    lows = np.full((len(chunk), 2), np.inf)
    highs = np.full((len(chunk), 2), -np.inf)
    np.minimum.at(lows, rows[seen], values[seen, :2])
    np.maximum.at(highs, rows[seen], values[seen, :2])
    some = np.isfinite(lows[:, 0])
    bounds[some] = np.hstack((lows, highs))[some]


def _boxes(chunk: Chunk, bounds: Floats, area: Floats) -> None:
    boxed = ~np.isnan(chunk.bounds[:, 0])
    bounds[boxed] = chunk.bounds[boxed]
    sides = chunk.bounds[:, 2:] - chunk.bounds[:, :2]
    area[boxed] = sides.prod(axis=1)[boxed]
    turned = ~np.isnan(chunk.rotated[:, 0])
    if turned.any():
        from dlgeom.geometry import rotated

        bounds[turned] = rotated.extent(chunk.rotated[turned])
        area[turned] = chunk.rotated[turned, 2:4].prod(axis=1)


def _masks(chunk: Chunk, bounds: Floats, area: Floats) -> None:
    present = np.flatnonzero(chunk.runs.present)
    if len(present):
        runs = chunk.runs.take(present)
        bounds[present] = rle.bounds_many(runs)
        area[present] = rle.areas(runs)


def _outlines(chunk: Chunk, bounds: Floats, found: dict[str, Floats]) -> None:
    outline = chunk.outline
    drawn = np.flatnonzero(outline.part_counts)
    if len(drawn):
        bounds[drawn] = rings.row_bounds(outline)[drawn]
        found["area"][drawn] = rings.row_areas(outline)[drawn]
        found["vertices"][drawn] = np.diff(outline.row_vertices)[drawn]
        found["holes"][drawn] = (np.diff(outline.row_rings) - outline.part_counts)[drawn]


def _object(annotation: Annotation, row: int, bounds: Floats, found: dict[str, Floats]) -> None:
    """Measure a record that is an object: its first state, and its frames."""
    shape = annotation.annotation_definition
    bounds[row] = shape.bounds
    if not np.isnan(bounds[row, 0]):
        found["area"][row] = shape.area
    if isinstance(shape, Polygon | Polyline):
        found["vertices"][row] = len(shape.x)
    if isinstance(shape, Polygon):
        found["holes"][row] = len(shape.rings) - len(shape.parts)
    if isinstance(shape, Pose):
        found["keypoints"][row] = np.count_nonzero(shape.keypoints[:, 2])
        found["area"][row] = np.nan
    if annotation.later or annotation.end_frame > annotation.start_frame:
        found["frames"][row] = annotation.end_frame - annotation.start_frame + 1
        found["keyframes"][row] = sum(state.fixed for state in annotation.states)


def kinds_of(chunk: Chunk) -> list[str]:
    """Return what each row is: its first shape of key points, polygon, mask, rotated box, box."""
    index = np.full(len(chunk), -1)
    for number, present in (
        (0, ~np.isnan(chunk.bounds[:, 0])),
        (1, ~np.isnan(chunk.rotated[:, 0])),
        (3, chunk.runs.present),
        (2, chunk.outline.part_counts > 0),
        (4, chunk.keypoints.lengths > 0),
    ):
        index[present] = number
    names = [KINDS[k] if k >= 0 else "nothing" for k in index.tolist()]
    for row, annotation in chunk.others.items():
        kind = annotation.annotation_definition.type
        names[row] = _KIND.get(kind, kind)
    return names


_KIND = {"segment": "polygon", "binary": "mask", "pose": "keypoints", "class": "classification"}
