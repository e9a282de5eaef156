"""`assert_masks_equal`, and what it says where masks differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions import Segmentation
from dlgeom.errors import UsageError
from dlgeom.geometry import rle
from dlgeom.testing.pictures import array_layer, extent, picture, runs_layer

__all__ = ["assert_masks_equal", "mask_difference"]

Counts = NDArray[np.uint32]
Shape = tuple[int, int]
PAIRS = 5
"""Pairs of values that a message lists."""


def assert_masks_equal(actual: Any, expected: Any, message: str = "") -> None:
    """Raise unless two masks are equal pixel for pixel.

    Parameters
    ----------
    actual, expected : array_like, Segmentation, (counts, shape), or mapping
        A mask of shape (H, W); a `Segmentation`; run lengths as COCO has them, compressed text
        or numbers, with their (height, width); or COCO's ``{"size": [h, w], "counts": ...}``.
        Two arrays of numbers are compared value by value, such as ids; where one side is of
        bools or runs, the other one counts as set where it is not zero.
    message : str, optional
        What to say first.

    Raises
    ------
    AssertionError
        If they differ. The message counts the pixels, says where they are and has a picture of
        that part. Masks that are runs are never decoded, however large they are.
    UsageError
        If one of them is no mask.

    Examples
    --------
    >>> one = np.zeros((4, 6), dtype=bool)
    >>> one[1:3, 1:3] = True
    >>> other = one.copy()
    >>> other[1, 1], other[2, 3] = False, True
    >>> assert_masks_equal(one, one)
    >>> assert_masks_equal(one, other)
    Traceback (most recent call last):
      ...
    AssertionError: masks differ in 2 of 24 pixels: 1 only in actual, 1 only in expected; IoU 0.6
      actual:   4 px, left 1, top 1, right 3, bottom 3
      expected: 4 px, left 1, top 1, right 4, bottom 3
      first difference: row 1, column 1; all within left 1, top 1, right 4, bottom 3
       0
       |
    0  ......
    1  .+#...
    2  .##-..
    3  ......
    + only in actual, - only in expected, # set in both, . set in neither
    """
    __tracebackhide__ = True
    text = mask_difference(actual, expected)
    if text is not None:
        raise AssertionError(f"{message}\n{text}" if message else text)


def mask_difference(actual: Any, expected: Any) -> str | None:
    """Say how two masks differ; None where they do not. Parameters of `assert_masks_equal`."""
    one, other = _taken(actual, "actual"), _taken(expected, "expected")
    shapes = _shape(one), _shape(other)
    if shapes[0] != shapes[1]:
        return (
            f"masks have different shapes: actual {shapes[0]}, expected {shapes[1]} "
            "(height, width)\n"
            f"  actual:   {extent(_runs(one), shapes[0])}\n"
            f"  expected: {extent(_runs(other), shapes[1])}"
        )
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if np.array_equal(one, other):
            return None
        if one.dtype != np.bool_ and other.dtype != np.bool_:
            return _values(one, other)
    return _pixels(_runs(one), _runs(other), shapes[0])


def _taken(mask: Any, name: str) -> Any:
    """Return an array (H, W) of bools or numbers, or a Segmentation."""
    if isinstance(mask, Segmentation):
        return mask
    if isinstance(mask, Mapping) and {"size", "counts"} <= mask.keys():
        mask = (mask["counts"], tuple(mask["size"]))
    if isinstance(mask, tuple) and len(mask) == 2:
        try:
            return Segmentation.from_rle(mask[0], mask[1], None)
        except ValueError as error:
            raise UsageError(
                f"{name} is a pair, but not (counts, shape): {error}. Use an array for a mask"
            ) from error
    try:
        array = np.asarray(mask)
    except ValueError as error:
        raise UsageError(f"{name} is no mask ({error}); its rows have one length") from error
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "biuf":
        raise UsageError(
            f"{name} is no mask: {type(mask).__name__} of shape {array.shape} and dtype "
            f"{array.dtype}; a mask is an array (height, width) of bools or numbers, a "
            "Segmentation, or (counts, shape)"
        )
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise UsageError(f"{name} has NaN; pixels of a mask have values. Replace NaN first")
    return array


def _shape(mask: Any) -> Shape:
    height, width = mask.shape
    return int(height), int(width)


def _runs(mask: Any) -> Counts:
    if isinstance(mask, Segmentation):
        return rle.normalise(mask.counts)
    return rle.encode(mask if mask.dtype == np.bool_ else mask != 0)


def _pixels(one: Counts, other: Counts, shape: Shape) -> str | None:
    """Say how two masks of one shape differ."""
    different = rle.xor(one, other)
    count = rle.area(different)
    if not count:
        return None
    extra, missing = rle.difference(one, other), rle.difference(other, one)
    both = rle.intersection(one, other)
    union = count + rle.area(both)
    bounds = rle.bounds(different, shape)
    column, row = divmod(int(different[0]), shape[0])
    counted = [
        f"{rle.area(runs):,} only in {name}"
        for name, runs in (("actual", extra), ("expected", missing))
        if rle.area(runs)
    ]
    drawn = picture(
        bounds,
        shape,
        {
            "+": runs_layer(extra, shape),
            "-": runs_layer(missing, shape),
            "#": runs_layer(both, shape),
        },
    )
    return (
        f"masks differ in {count:,} of {shape[0] * shape[1]:,} pixels: {', '.join(counted)}; "
        f"IoU {_rounded(rle.area(both) / union)}\n"
        f"  actual:   {extent(one, shape)}\n"
        f"  expected: {extent(other, shape)}\n"
        f"  first difference: row {row}, column {column}; {_place(bounds)}\n"
        f"{drawn}"
    )


def _rounded(iou: float) -> str:
    """Return an IoU below 1 so that it reads as one."""
    text = f"{iou:.6g}"
    return "> 0.999999" if text == "1" else text


def _place(bounds: tuple[int, int, int, int]) -> str:
    left, top, right, bottom = bounds
    return f"all within left {left}, top {top}, right {right}, bottom {bottom}"


def _values(one: NDArray[Any], other: NDArray[Any]) -> str:
    """Say how two arrays of ids differ."""
    different = one != other
    columns = np.flatnonzero(different.any(axis=0))
    rows = np.flatnonzero(different.any(axis=1))
    bounds = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    column = bounds[0]
    row = int(np.flatnonzero(different[:, column])[0])
    shape = _shape(one)
    drawn = picture(
        bounds,
        shape,
        {
            "+": array_layer(different & (other == 0)),
            "-": array_layer(different & (one == 0)),
            "!": array_layer(different & (one != 0) & (other != 0)),
            "#": array_layer(~different & (one != 0)),
        },
    )
    found, counts = np.unique(
        np.stack((one[different], other[different])), axis=1, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    lines = [
        f"  {found[0, k].item()}, expected {found[1, k].item()}: {counts[k]:,} px"
        for k in order[:PAIRS].tolist()
    ]
    if len(order) > PAIRS:
        lines.append(f"  and {len(order) - PAIRS:,} more pairs of values")
    return "\n".join(
        [
            f"masks differ in {int(counts.sum()):,} of {one.size:,} pixels",
            *lines,
            f"  first difference: row {row}, column {column}: {one[row, column].item()}, "
            f"expected {other[row, column].item()}; {_place(bounds)}",
            drawn,
        ]
    )
