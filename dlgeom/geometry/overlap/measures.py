"""IoU, IoA and generalised IoU of shapes, each with each or in pairs.

The kind of shape is told by the argument: ``ndarray`` of shape (N, 4) are upright boxes (left,
top, right, bottom), of shape (N, 5) rotated boxes (centre x, y, width, height, degrees clockwise
on screen), `Rings` polygons with parts and holes, `Runs` masks. Both sides are of one kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlgeom.errors import GeometryError
from dlgeom.geometry import rotated
from dlgeom.geometry.overlap import _pairs
from dlgeom.geometry.overlap._boxes import BoxSet
from dlgeom.geometry.overlap._masks import MaskSet, paired_runs
from dlgeom.geometry.overlap._pairs import Bools, Floats, Ints, Pairs, Shapes
from dlgeom.geometry.overlap._polygons import PolygonSet
from dlgeom.geometry.overlap._rotated import RotatedSet
from dlgeom.geometry.ragged import Ragged, Rings, Runs, gather

__all__ = [
    "paired_giou",
    "paired_intersections",
    "paired_ioa",
    "paired_iou",
    "pairwise_giou",
    "pairwise_intersections",
    "pairwise_ioa",
    "pairwise_iou",
    "shape_set",
    "shape_sets",
]

HULLS = 1 << 14  # pairs whose hulls are made together


def shape_set(shapes: ArrayLike | Rings | Runs) -> Any:
    """Return a column of shapes as one side of a comparison.

    Raises
    ------
    GeometryError
        If it is no such column, or a row of it is no shape.
    """
    if isinstance(shapes, Runs):
        return MaskSet(shapes)
    if isinstance(shapes, Rings):
        return PolygonSet(shapes)
    try:
        values = np.array(shapes, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GeometryError(
            f"shapes are {type(shapes).__name__}; give boxes (N, 4), rotated boxes (N, 5), "
            "Rings or Runs"
        ) from error
    if values.shape == (0,):
        values = np.zeros((0, 4))
    if values.ndim != 2 or values.shape[1] not in (4, 5):
        raise GeometryError(
            f"shapes have shape {values.shape}; boxes are (N, 4), rotated boxes (N, 5)"
        )
    return BoxSet(values) if values.shape[1] == 4 else RotatedSet(values)


def shape_sets(first: Any, second: Any) -> tuple[Shapes, Shapes]:
    """Return both sides of a comparison, prepared for each other."""
    one = shape_set(first)
    two = one if second is first else shape_set(second)
    if type(one) is not type(two):
        # An empty list is no boxes of any sort.
        if len(one) == 0 or len(two) == 0:
            return (_none_like(two), two) if len(one) == 0 else (one, _none_like(one))
        raise GeometryError(
            f"{_NAMES[type(one)]} against {_NAMES[type(two)]}; both sides are of one kind. "
            "Convert one of them"
        )
    one.prepare(two)
    return one, two


_NAMES: dict[type, str] = {
    BoxSet: "boxes",
    RotatedSet: "rotated boxes",
    PolygonSet: "polygons",
    MaskSet: "masks",
}


def _none_like(shapes: Any) -> Any:
    if isinstance(shapes, MaskSet):
        return MaskSet(Runs.empty(0))
    if isinstance(shapes, PolygonSet):
        return PolygonSet(Rings.empty(0))
    return BoxSet(np.zeros((0, 4))) if isinstance(shapes, BoxSet) else RotatedSet(np.zeros((0, 5)))


def _crowds(iscrowd: ArrayLike | None, count: int) -> Bools | None:
    """Return which of the second shapes are crowds, shape (M,)."""
    if iscrowd is None:
        return None
    crowd = np.asarray(iscrowd)
    if crowd.shape != (count,) or (count and crowd.dtype.kind not in "biu"):
        raise GeometryError(
            f"iscrowd has shape {crowd.shape} and dtype {crowd.dtype}; it is one bool for each "
            f"of the {count} second shapes"
        )
    return crowd.astype(np.bool_)


# ---------------------------------------------------------------- each with each


def pairwise_intersections(
    first: ArrayLike | Rings | Runs, second: ArrayLike | Rings | Runs
) -> tuple[Floats, Floats, Floats]:
    """Return what each shape of one column shares with each of the other.

    Parameters
    ----------
    first, second : array_like of float (N, 4) or (N, 5), Rings, or Runs
        N and M shapes of one kind; masks all of one shape.

    Returns
    -------
    shared : ndarray of float64, shape (N, M)
        Area in both, in square pixels; whole numbers for masks.
    area_first, area_second : ndarray of float64, shape (N,) and (M,)
        Areas; 0 for a row without an outline or mask.

    Raises
    ------
    GeometryError
        If the kinds differ, a number is not finite, edges or sizes are in the wrong order, or
        masks have different shapes.
    """
    one, two = shape_sets(first, second)
    shared = np.zeros((len(one), len(two)))
    for pairs in one.pairs(two):
        shared[pairs.rows, pairs.columns] = pairs.shared
    return _unscaled(one, shared), _unscaled(one, one.areas), _unscaled(one, two.areas)


def _unscaled(shapes: Shapes, areas: Floats) -> Floats:
    """Return areas in square pixels; infinite only where no float is large enough."""
    if shapes.scale == 1.0:
        return areas
    with np.errstate(over="ignore"):
        return areas / shapes.scale / shapes.scale


def pairwise_iou(
    first: ArrayLike | Rings | Runs,
    second: ArrayLike | Rings | Runs,
    *,
    iscrowd: ArrayLike | None = None,
) -> Floats:
    """Return intersection over union of each shape of one column with each of the other.

    Symmetric to the last bit, in [0, 1], exactly 1 for equal shapes and 0 for shapes that share
    no area. Shapes without area (flat boxes, empty masks) have 1 with equal ones and 0 with all
    others, never NaN.

    Parameters
    ----------
    first, second : array_like of float (N, 4) or (N, 5), Rings, or Runs
        N and M shapes of one kind; masks all of one shape. Of a row without an outline or mask
        all values are 0.
    iscrowd : array_like of bool, shape (M,), optional
        COCO's numbers, as ``pycocotools.mask.iou(first, second, iscrowd)`` has them: against a
        crowd the intersection over the first's area, and 0 for all that share nothing, equal
        shapes without area included.

    Returns
    -------
    ndarray of float64, shape (N, M)

    Raises
    ------
    GeometryError
        As for `pairwise_intersections`.

    Notes
    -----
    Only pairs whose bounds touch are looked at. Boxes are exact but for rounding, rotated boxes
    are integrated in closed form (errors around 1e-15), polygons go through GEOS, masks are
    counted exactly on their run lengths. Rings that are not valid are filled as their masks are:
    even-odd, a part is its exterior XOR its holes, a row the union of its parts.

    Examples
    --------
    >>> pairwise_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]]).round(3)
    array([[1.   , 0.333, 0.   ]])
    >>> pairwise_iou([[1, 1, 2, 2, 45]], [[1, 1, 2, 2, 0]]).round(6)
    array([[0.707107]])
    """
    one, two = shape_sets(first, second)
    crowd = _crowds(iscrowd, len(two))
    result = np.zeros((len(one), len(two)))
    for pairs in one.pairs(two):
        result[pairs.rows, pairs.columns] = _pairs.iou(pairs, one.areas, two.areas, crowd)
    return result


def pairwise_ioa(first: ArrayLike | Rings | Runs, second: ArrayLike | Rings | Runs) -> Floats:
    """Return intersection over the first's area of each shape with each; see `pairwise_iou`.

    A first shape without area has 1 with an equal one and 0 with all others.

    Examples
    --------
    >>> pairwise_ioa([[0, 0, 2, 2]], [[1, 0, 9, 9]])
    array([[0.5]])
    """
    one, two = shape_sets(first, second)
    result = np.zeros((len(one), len(two)))
    for pairs in one.pairs(two):
        result[pairs.rows, pairs.columns] = _pairs.ioa(pairs, one.areas)
    return result


def pairwise_giou(first: ArrayLike | Rings | Runs, second: ArrayLike | Rings | Runs) -> Floats:
    """Return generalised IoU of each shape with each, in [-1, 1]; see `pairwise_iou`.

    IoU minus the share of the smallest enclosing shape that neither covers (Rezatofighi et al.,
    CVPR 2019): of upright boxes the upright box around both, of anything else the convex hull of
    both. So it is 1 for equal convex shapes; of an outline with dents, of itself, it is the share
    of its hull that it fills. Where both have no area it is 1 for equal ones, else -1; with a row
    without an outline or a pixel, -1.

    Examples
    --------
    >>> pairwise_giou([[0, 0, 2, 2]], [[0, 0, 2, 2], [2, 0, 4, 2], [4, 0, 6, 2]]).round(3)
    array([[ 1.   ,  0.   , -0.333]])
    """
    one, two = shape_sets(first, second)
    result = np.zeros((len(one), len(two)))
    for pairs in one.pairs(two):
        result[pairs.rows, pairs.columns] = _pairs.iou(pairs, one.areas, two.areas)
    flat = result.reshape(-1)
    hull = _Hulls(one, two)
    for start in range(0, len(flat), HULLS):
        part = slice(start, start + HULLS)
        rows, columns = np.divmod(np.arange(len(flat))[part], len(two))
        flat[part] = _generalised(one, rows, two, columns, flat[part], hull)
    return result


def _generalised(
    one: Shapes, rows: Ints, two: Shapes, columns: Ints, iou: Floats, hulls: _Hulls
) -> Floats:
    """Return the generalised IoU of pairs."""
    # What both have follows from the IoU, so that one table is enough.
    both = one.areas[rows] + two.areas[columns]
    union = both / (1 + iou)
    union = np.where(iou == 1, both / 2, union)
    hull = hulls.areas(rows, columns)
    # The enclosing shape is no smaller than what it encloses, but for rounding.
    hull = np.where(hull <= union * (1 + 1e-14), union, hull)
    rest = np.ones(len(rows))
    np.divide(hull - union, hull, out=rest, where=hull > 0)
    rest[np.isnan(hull)] = 1.0
    # Shapes without area: the same, or nothing of what is around both is covered.
    flat = union == 0
    rest[flat] = np.where(iou[flat] == 1, 0.0, 1.0)
    return np.clip(iou - rest, -1.0, 1.0)


class _Hulls:
    """Areas of what encloses a shape of one column and a shape of another."""

    def __init__(self, one: Shapes, two: Shapes) -> None:
        self.boxes = isinstance(one, BoxSet)
        self.first: Any = one.bounds if self.boxes else _hull_column(one)
        self.second: Any = two.bounds if self.boxes else _hull_column(two)

    def areas(self, rows: Ints, columns: Ints) -> Floats:
        """Return the area around each pair, NaN where one side has no points."""
        if self.boxes:
            a, b = self.first[rows], self.second[columns]
            size = np.maximum(a[:, 2:], b[:, 2:]) - np.minimum(a[:, :2], b[:, :2])
            return np.asarray(size[:, 0] * size[:, 1])
        import shapely

        one, one_offsets = gather(self.first.offsets, rows)
        two, two_offsets = gather(self.second.offsets, columns)
        points = np.concatenate((self.first.values[one], self.second.values[two]))
        counts = np.diff(one_offsets), np.diff(two_offsets)
        pair = np.concatenate([np.repeat(np.arange(len(rows)), count) for count in counts])
        order = np.argsort(pair, kind="stable")
        some = np.unique(pair)
        around = shapely.convex_hull(
            shapely.multipoints(points[order], indices=np.searchsorted(some, pair[order]))
        )
        area = np.full(len(rows), np.nan)
        area[some] = shapely.area(around)
        area[(counts[0] == 0) | (counts[1] == 0)] = np.nan
        return area


def _hull_column(shapes: Shapes) -> Ragged:
    """Return the vertices of the convex hull of each shape."""
    rows = []
    for row in range(len(shapes)):
        points = shapes.hull_points(row)
        rows.append(rotated.hull(points) if len(points) else points)
    return Ragged.of(rows, 2)


# ---------------------------------------------------------------- in pairs


def _in_pairs(first: Any, second: Any) -> tuple[Shapes, Shapes, Pairs]:
    """Return both sides and row i with row i for all i."""
    one, two = shape_set(first), shape_set(second)
    if len(one) != len(two):
        raise GeometryError(f"{len(one)} shapes against {len(two)}; pairs need as many of both")
    one, two = shape_sets(first, second)
    rows = np.flatnonzero(~np.isnan(one.bounds[:, 0]) & ~np.isnan(two.bounds[:, 0]))
    return one, two, Pairs(rows, rows, *one.meet(rows, two, rows))


def paired_intersections(
    first: ArrayLike | Rings | Runs, second: ArrayLike | Rings | Runs
) -> tuple[Any, Any, Any]:
    """Return what shape i of one column shares with shape i of the other.

    Parameters
    ----------
    first, second : array_like of float (N, 4) or (N, 5), Rings, or Runs
        N shapes each, of one kind. The masks of a pair have the same shape, or one of them is
        absent.

    Returns
    -------
    shared, area_first, area_second : ndarray of int64 (masks) or float64, shape (N,)
        Area in both, in the first, in the second, in square pixels; 0 for a row without an
        outline or mask.

    Raises
    ------
    GeometryError
        If the columns have different lengths or kinds, or two masks of a pair different shapes;
        as for `pairwise_intersections`.
    """
    if isinstance(first, Runs) and isinstance(second, Runs):
        return paired_runs(first, second)
    one, two, pairs = _in_pairs(first, second)
    shared = np.zeros(len(one))
    shared[pairs.rows] = pairs.shared
    return _unscaled(one, shared), _unscaled(one, one.areas), _unscaled(one, two.areas)


def paired_iou(first: ArrayLike | Rings | Runs, second: ArrayLike | Rings | Runs) -> Floats:
    """Return intersection over union of each pair of shapes, shape (N,).

    As `pairwise_iou`; in particular two empty masks have 1.0. Only a row of masks where either
    side has no mask at all has NaN. See `paired_intersections` for the parameters and errors.

    Examples
    --------
    >>> paired_iou([[0, 0, 2, 2], [0, 0, 2, 2]], [[0, 0, 2, 4], [3, 3, 4, 4]])
    array([0.5, 0. ])
    """
    if isinstance(first, Runs) and isinstance(second, Runs):
        shared, area_a, area_b = paired_runs(first, second)
        union = area_a + area_b - shared
        iou = np.ones(len(first))
        np.divide(shared, union, out=iou, where=union > 0)
        iou[~(first.present & second.present)] = np.nan
        return iou
    one, two, pairs = _in_pairs(first, second)
    result = np.zeros(len(one))
    result[pairs.rows] = _pairs.iou(pairs, one.areas, two.areas)
    return result


def paired_ioa(first: ArrayLike | Rings | Runs, second: ArrayLike | Rings | Runs) -> Floats:
    """Return intersection over the first's area of each pair, shape (N,); see `paired_iou`."""
    if isinstance(first, Runs) and isinstance(second, Runs):
        shared, area_a, area_b = paired_runs(first, second)
        ioa = np.where((area_a == 0) & (area_b == 0), 1.0, 0.0)
        np.divide(shared, area_a, out=ioa, where=area_a > 0)
        ioa[~(first.present & second.present)] = np.nan
        return ioa
    one, _, pairs = _in_pairs(first, second)
    result = np.zeros(len(one))
    result[pairs.rows] = _pairs.ioa(pairs, one.areas)
    return result


def paired_giou(first: ArrayLike | Rings | Runs, second: ArrayLike | Rings | Runs) -> Floats:
    """Return generalised IoU of each pair, shape (N,); see `pairwise_giou`."""
    one, two, pairs = _in_pairs(first, second)
    result = np.full(len(one), -1.0)
    iou = _pairs.iou(pairs, one.areas, two.areas)
    rows, hulls = pairs.rows, _Hulls(one, two)
    for start in range(0, len(rows), HULLS):
        part = rows[start : start + HULLS]
        result[part] = _generalised(one, part, two, part, iou[start : start + HULLS], hulls)
    return result
