"""IoU and its relatives of definitions, annotations and collections.

What is compared of a pair is the least that says both:

* upright boxes and notes: boxes, exactly;
* rotated boxes, with boxes too: rotated boxes, exactly but for rounding (about 1e-15);
* polygons, ellipses (an outline inside of the true one and within 0.0001 of the longer semi-axis,
  at most 0.05 pixels, of it), cubes (the hull of their corners), poses (the hull of their labelled
  points), with all before: polygons;
* masks, with all before: masks. What is no mask is filled as `dlgeom.conversions.to_segmentation`
  does, on the mask's canvas. All masks have one shape.

Points, and polylines, have no area unless `radius` and `width` give them one; they share nothing,
like what has no place in the image, such as a classification.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.definitions.base import Definition
from dlgeom.errors import GeometryError
from dlgeom.geometry import overlap, rle
from dlgeom.overlap.sides import MASK, NOTHING, Kind, Operand, Side, members_of, shape_of

__all__ = ["giou", "ioa", "iou", "mask_size", "pairwise_giou", "pairwise_ioa", "pairwise_iou"]

Floats = NDArray[np.float64]
Shape = tuple[int, int]


def pairwise_iou(
    a: Operand,
    b: Operand,
    *,
    kind: Kind = "auto",
    crowds: bool = False,
    shape: Shape | None = None,
    width: float | None = None,
    radius: float | None = None,
) -> Floats:
    """Return intersection over union of each of `a` with each of `b`.

    Symmetric, in [0, 1], exactly 1 for equal shapes, 0 for shapes that share nothing; never NaN.

    Parameters
    ----------
    a, b : Definition, Annotation, AnnotationCollection, or iterable of definitions, annotations
        N and M shapes of any kinds, mixed as they like.
    kind : {"auto", "box", "rotated", "polygon", "mask"}
        What is compared: what each pair needs, see the module; or, by name, the bounds of all,
        their rotated boxes of the smallest area, outlines, or masks.
    crowds : bool, default False
        Whether annotations of `b` that are crowds count as COCO has it: against them the
        intersection over the area of the shape of `a`.
    shape : tuple of int, optional
        (height, width) of masks for ``kind="mask"`` where there are none; otherwise it is that of
        the masks, or of the item.
    width, radius : float, optional
        Thickness of polylines, and radius of points and key points, in pixels.

    Returns
    -------
    ndarray of float64, shape (N, M)

    Raises
    ------
    GeometryError
        If masks have different shapes.
    UsageError
        If something cannot be compared, or nothing says how large masks are.

    Examples
    --------
    >>> from dlgeom import Box, Polygon
    >>> shapes = [Box(0, 0, 4, 4), Polygon([[0, 0], [4, 0], [0, 4]], "half")]
    >>> pairwise_iou(shapes, [Box(0, 0, 4, 2), shapes[1]])
    array([[0.5, 0.5],
           [0.6, 1. ]])
    """
    return table_of(a, b, "iou", kind, shape, width, radius, crowds=crowds)


def pairwise_ioa(
    a: Operand,
    b: Operand,
    *,
    kind: Kind = "auto",
    shape: Shape | None = None,
    width: float | None = None,
    radius: float | None = None,
) -> Floats:
    """Return the share of each of `a` that each of `b` covers; see `pairwise_iou`.

    A shape of `a` without area has 1 with an equal one, 0 with all others.
    """
    return table_of(a, b, "ioa", kind, shape, width, radius)


def pairwise_giou(
    a: Operand,
    b: Operand,
    *,
    kind: Kind = "auto",
    shape: Shape | None = None,
    width: float | None = None,
    radius: float | None = None,
) -> Floats:
    """Return generalised IoU, in [-1, 1], of each with each; see `pairwise_iou`.

    What encloses a pair is the upright box around both where boxes are compared, else the convex
    hull of both. What has no area has 1 with an equal one, -1 with all others.
    """
    return table_of(a, b, "giou", kind, shape, width, radius)


def iou(
    a: Definition | Annotation, b: Definition | Annotation, *, crowd: bool = False, **options: Any
) -> float:
    """Return intersection over union of two shapes; options as for `pairwise_iou`.

    With `crowd` the second one marks a crowd, as COCO has it: the intersection is divided by the
    area of the first alone.

    Examples
    --------
    >>> from dlgeom import Box
    >>> iou(Box(0, 0, 4, 4), Box(0, 0, 4, 4, angle=45))
    0.7071067811865475
    """
    if crowd:
        b = Annotation(shape_of(members_of(b)[0]), crowd=True)
        options["crowds"] = True
    return _single(pairwise_iou, a, b, options)


def ioa(a: Definition | Annotation, b: Definition | Annotation, **options: Any) -> float:
    """Return the share of `a` that `b` covers; options as for `pairwise_ioa`."""
    return _single(pairwise_ioa, a, b, options)


def giou(a: Definition | Annotation, b: Definition | Annotation, **options: Any) -> float:
    """Return generalised IoU of two shapes; options as for `pairwise_giou`."""
    return _single(pairwise_giou, a, b, options)


def _single(function: Callable[..., Floats], a: Any, b: Any, options: dict[str, Any]) -> float:
    return float(function([a], [b], **options)[0, 0])


def table_of(
    a: Operand,
    b: Operand,
    measure: str,
    kind: str,
    shape: Shape | None,
    width: float | None,
    radius: float | None,
    *,
    crowds: bool = False,
) -> Floats:
    """Return a measure of each with each, a block for each pair of forms."""
    one = Side(a, kind, width, radius)
    two = one if b is a else Side(b, kind, width, radius)
    size = mask_size(one, two, shape)
    function = getattr(overlap, f"pairwise_{measure}")
    crowd = two.crowds if crowds and two.crowds.any() else None
    nothing = -1.0 if measure == "giou" else 0.0
    forms = np.unique(one.forms), np.unique(two.forms)
    if len(forms[0]) == len(forms[1]) == 1 and NOTHING not in (*forms[0], *forms[1]):
        # One block is the whole table: no second one of its size.
        return _block(one, two, slice(None), slice(None), function, size, crowd, nothing)
    result = np.full((len(one), len(two)), nothing)
    for form in forms[0].tolist():
        rows = np.flatnonzero(one.forms == form)
        for other in forms[1].tolist():
            columns = np.flatnonzero(two.forms == other)
            if NOTHING in (form, other):
                if form == other:
                    _fill_equal(result, one, two, rows, columns)
                continue
            part = _block(one, two, rows, columns, function, size, crowd, nothing)
            result[np.ix_(rows, columns)] = part
    if crowd is not None:
        # As in COCO's evaluation what shares nothing has 0 there.
        result[np.ix_(one.forms == NOTHING, two.forms == NOTHING)] *= ~crowd[two.forms == NOTHING]
    return result


def _block(
    one: Side,
    two: Side,
    rows: Any,
    columns: Any,
    function: Callable[..., Floats],
    size: Shape | None,
    crowd: NDArray[np.bool_] | None,
    nothing: float,
) -> Floats:
    rows, columns = np.arange(len(one))[rows], np.arange(len(two))[columns]
    form = int(max(one.forms[rows].max(), two.forms[columns].max()))
    options = {} if crowd is None else {"iscrowd": crowd[columns]}
    first = one.column(rows, form, size)
    again = two is one and np.array_equal(rows, columns)
    second = first if again else two.column(columns, form, size)
    table = function(first, second, **options)
    if form == MASK and not (one.only_masks and two.only_masks):
        # Two shapes that have no pixels here are not the same for that.
        for row in rows[rle.areas(first) == 0].tolist():
            for column in columns[rle.areas(second) == 0].tolist():
                if not one.equals(row, two, column):
                    at = np.searchsorted(rows, row), np.searchsorted(columns, column)
                    table[at] = min(table[at], nothing)
    return table


def _fill_equal(
    result: Floats, one: Side, two: Side, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> None:
    """Set 1 where shapes without area are the same."""
    for row in rows.tolist():
        for column in columns.tolist():
            if one.equals(row, two, column):
                result[row, column] = 1.0


def mask_size(one: Side, two: Side, shape: Shape | None) -> Shape | None:
    """Return (height, width) of the masks of both sides, of the item or as asked for.

    Raises
    ------
    GeometryError
        If two masks, or a mask and `shape`, differ.
    """
    sizes = list(dict.fromkeys([*one.mask_shapes, *two.mask_shapes]))
    if shape is not None and sizes and tuple(shape) not in sizes:
        sizes.append((int(shape[0]), int(shape[1])))
    if len(sizes) > 1:
        raise GeometryError(
            f"masks are {sizes[0]} and {sizes[1]} (height, width); what is compared lies in one "
            "image. Crop or pad one of them, or pass kind='polygon'"
        )
    if sizes:
        return sizes[0]
    if shape is not None:
        return int(shape[0]), int(shape[1])
    masks = MASK in one.forms or MASK in two.forms
    return (one.size or two.size) if masks else None
