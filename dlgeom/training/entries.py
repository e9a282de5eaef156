"""The arrays of one sample: boxes, class ids, labels and the entry of the asked type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.batches import Columns
from dlgeom.conversions import mask_to_polygon
from dlgeom.definitions import Point, Polyline, Pose, Segmentation
from dlgeom.errors import GeometryError
from dlgeom.geometry import bridges, raster, rle
from dlgeom.geometry.ragged import Runs
from dlgeom.training.classes import Classes, to_categorical
from dlgeom.training.kinds import Kind

__all__ = ["arrays_of", "entry_of", "id_mask", "keypoints_of", "polygon_rings"]

Floats = NDArray[np.float64]
Shape = tuple[int, int]


def arrays_of(
    columns: Columns, kind: Kind | None, classes: Classes, *, one_hot: bool = False
) -> dict[str, Any]:
    """Return the aligned arrays of a sample.

    Parameters
    ----------
    columns : Columns
        Its annotations; each label has a class id.
    kind : Kind, optional
        What is asked for; says which box is meant.
    classes : Classes
        The class ids.
    one_hot : bool
        Whether class ids become one-hot rows.

    Returns
    -------
    dict
        ``box`` float64 (N, 4), ``class`` int64 (N,) or float32 (N, num_classes + 1), ``labels``
        a list of N names.
    """
    shaped = kind is not None and kind.has_area
    ids = columns.class_ids(classes.label_to_id)
    return {
        "box": np.array(columns.boxes_xyxy(prefer="shape" if shaped else "stored")),
        "class": to_categorical(ids, classes.num_classes) if one_hot else ids,
        "labels": columns.labels,
    }


def entry_of(
    columns: Columns,
    kind: Kind | None,
    classes: Classes,
    arrays: dict[str, Any],
    shape: Shape | None,
    *,
    one_hot: bool = False,
    points: int | None = None,
) -> Any:
    """Return the entry of the asked type: what ``annotations`` is.

    Parameters
    ----------
    columns, kind, classes, one_hot
        As for `arrays_of`.
    arrays : dict
        What `arrays_of` gave.
    shape : tuple of int, optional
        (height, width) of the image.
    points : int, optional
        Number of key points of a pose, the same for all samples.

    Returns
    -------
    object
        box: (N, 4); class: (N,); segment: object array (N,) of rings (n, 2); binary: ids (H, W),
        one-hot (H, W, num_classes + 1); pose: (N, K, 3); polyline: object array (N,) of lines
        (n, 2); point: (N, 2). None for images alone.

    Raises
    ------
    GeometryError
        If the size of the image is needed and not known.
    """
    if kind is None:
        return None
    if kind.name in ("box", "class"):
        return arrays[kind.name]
    if kind.name == "segment":
        return polygon_rings(columns, shape)
    if kind.name == "binary":
        mask = id_mask(columns, classes, shape)
        return to_categorical(mask, classes.num_classes) if one_hot else mask
    if kind.name == "pose":
        return keypoints_of(columns, points)
    shapes = [annotation.annotation_definition for annotation in columns.collection()]
    if kind.name == "polyline":
        return _objects([_one_line(line) for line in shapes if isinstance(line, Polyline)])
    places = [(point.x, point.y) for point in shapes if isinstance(point, Point)]
    return np.array(places, dtype=np.float64).reshape(-1, 2)


def _objects(values: list[Any]) -> NDArray[np.object_]:
    """Return an object array of shape (N,), also where all values have the same shape."""
    result = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        result[index] = value
    return result


def _one_line(line: Polyline) -> Floats:
    """Return a line; the pieces of several one after the other, with NaN between them."""
    pieces = [np.array(piece) for piece in line.lines]
    gap = np.full((1, 2), np.nan)
    joined = [part for piece in pieces for part in (gap, piece)][1:]
    return pieces[0] if len(pieces) == 1 else np.concatenate(joined)


def keypoints_of(columns: Columns, count: int | None = None) -> Floats:
    """Return key points of all rows, of those that are kept as objects too, (N, K, 3)."""
    if not columns.chunk.others:
        return np.array(columns.keypoints(count))
    points = [
        shape.keypoints if isinstance(shape := a.annotation_definition, Pose) else np.zeros((0, 3))
        for a in columns.collection()
    ]
    result = np.zeros((len(points), max(map(len, points)) if count is None else count, 3))
    for row, values in enumerate(points):
        result[row, : len(values)] = values
    return result


def polygon_rings(columns: Columns, shape: Shape | None = None) -> NDArray[np.object_]:
    """Return one ring for each row, float64 of shape (n, 2), as an object array of shape (N,).

    Rings of holes and further parts are joined by bridges without area, so that filling a ring
    even-odd gives the same pixels. A mask becomes the outline along its pixels' edges.

    Parameters
    ----------
    columns : Columns
        Polygons and masks.
    shape : tuple of int, optional
        (height, width) of the image. Parts that overlap are outlined along their pixels, for
        which it is needed; without it they are joined as they are.
    """
    outline, runs = columns.chunk.outline, columns.chunk.runs
    rings: list[Any] = []
    for row in range(len(columns)):
        parts: Any = outline.row(row)
        if not parts:
            parts = _traced(runs.row(row), tuple(runs.shape[row].tolist()))
        if len(parts) == 1 and len(parts[0]) == 1:
            rings.append(np.array(parts[0][0]))
            continue
        ring = bridges.join(parts) if parts else None
        if parts and ring is None and shape is None:
            raise GeometryError(
                "no one ring stands for the parts of a polygon; the outline of its pixels would, "
                "and the size of the image is not known. Say it with the item"
            )
        several = len(parts) > 1 or ring is None
        if parts and several and shape is not None and not _fills(ring, parts, shape):
            # Parts that overlap: even-odd filling would leave a gap there.
            traced = _traced(raster.parts_to_runs(parts, shape), shape)
            ring = bridges.join(traced) if traced else None
        rings.append(np.zeros((0, 2)) if ring is None else np.array(ring))
    return _objects(rings)


def _fills(ring: Floats | None, parts: Any, shape: Shape) -> bool:
    """Whether filling the ring gives the pixels of the parts."""
    if ring is None:
        return False
    return np.array_equal(
        rle.normalise(raster.ring_to_runs(ring, shape)),
        rle.normalise(raster.parts_to_runs(parts, shape)),
    )


def _traced(counts: NDArray[np.uint32], shape: Any) -> list[Any]:
    if not rle.area(counts):
        return []
    mask = Segmentation._view(counts, shape, None, {})
    return mask_to_polygon(mask, None).parts


def id_mask(columns: Columns, classes: Classes, shape: Shape | None = None) -> NDArray[Any]:
    """Paint class ids, later rows over earlier ones.

    Parameters
    ----------
    columns : Columns
        Polygons and masks; filled exactly as pycocotools fills them.
    classes : Classes
        The ids, and that of the background.
    shape : tuple of int, optional
        (height, width) of the image.

    Returns
    -------
    ndarray of int, shape (H, W)
        uint8, or wider where an id asks for it.
    """
    runs = columns.runs(shape)
    sides = shape or columns.item.shape or _common(runs)
    canvas = np.full(sides, classes.background, dtype=classes.mask_dtype)
    ids = columns.class_ids(classes.label_to_id).tolist()
    for row in np.flatnonzero(runs.present).tolist():
        crop, left, top = rle.decode_crop(runs.row(row), sides)
        canvas[top : top + crop.shape[0], left : left + crop.shape[1]][crop] = ids[row]
    return canvas


def _common(runs: Runs) -> Shape:
    shapes = {(h, w) for h, w in runs.shape[runs.present].tolist()}
    if len(shapes) != 1:
        raise GeometryError(
            "the size of the image is not known; a mask is (height, width). Say it with the item"
        )
    return shapes.pop()
