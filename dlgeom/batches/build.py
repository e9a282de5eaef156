"""From arrays back to a collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.batches.columns import Columns
from dlgeom.chunk import Chunk
from dlgeom.definitions.segmentation import mask_shape
from dlgeom.errors import UsageError
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import Ragged, Runs, offsets_of
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["from_arrays"]

Floats = NDArray[np.float64]


def from_arrays(
    labels: Sequence[str | None] | str | None = None,
    *,
    boxes_xyxy: ArrayLike | None = None,
    boxes_rotated: ArrayLike | None = None,
    masks: ArrayLike | None = None,
    runs: Runs | None = None,
    keypoints: ArrayLike | None = None,
    scores: ArrayLike | None = None,
    crowd: ArrayLike | None = None,
    areas: ArrayLike | None = None,
    class_ids: ArrayLike | None = None,
    id_to_label: Any = None,
    item: Item | None = None,
    label_table: LabelTable | None = None,
) -> Columns:
    """Build columns from arrays with one row for each annotation.

    A row may have several shapes; the annotation's definition is the first of key points, mask,
    rotated box and box, as in `Chunk`, and an upright box beside another shape its
    ``stored_bounds``. A row without any is a `Classification`.

    Parameters
    ----------
    labels : sequence of str or None, or str, optional
        Name of each row's label, or one for all.
    boxes_xyxy : array_like of float, shape (N, 4), optional
        Left, top, right, bottom in pixels; a row of NaN has none.
    boxes_rotated : array_like of float, shape (N, 5), optional
        Centre x, y, width, height in pixels, degrees clockwise on screen; NaN for none.
    masks : array_like of bool, shape (N, H, W), optional
        What is not zero is set. An empty mask is a mask without pixels.
    runs : Runs, optional
        The same as run lengths.
    keypoints : array_like of float, shape (N, K, 3), optional
        x, y, visibility 0, 1, 2; a row of NaN has none.
    scores, areas : array_like of float, shape (N,), optional
        NaN for none.
    crowd : array_like of bool, shape (N,), optional
        Whether a row stands for a group.
    class_ids : array_like of int, shape (N,), optional
        Instead of `labels`, with `id_to_label`.
    id_to_label : mapping of int to str, or sequence of str, optional
        Names of the class ids.
    item : Item, optional
        What the annotations belong to.
    label_table : LabelTable, optional
        Where names are looked up (copied); it also tells the names of key points.

    Returns
    -------
    Columns
        ``.collection()`` makes the annotations. Arrays of the right dtype are not copied, so do
        not change them afterwards.

    Raises
    ------
    UsageError
        If arrays have other shapes or numbers of rows, a box has its edges in the wrong order or
        is infinite, a mask has NaN, a visibility is another one, a score is infinite, or a class
        id has no name.

    Examples
    --------
    >>> columns = from_arrays(["cat", "dog"], boxes_xyxy=[[0, 0, 4, 2], [1, 1, 3, 3]])
    >>> [annotation.label for annotation in columns.collection()]
    ['cat', 'dog']
    """
    rows = _Rows()
    bounds = _ordered(rows.table("boxes_xyxy", boxes_xyxy, (4,)))
    rotated = rows.table("boxes_rotated", boxes_rotated, (5,))
    if rotated is not None and (rotated[:, 2:4] < 0).any():
        raise UsageError("boxes_rotated have a negative width or height; sizes are >= 0")
    stacked = rows.masks(masks, runs)
    points = _labelled(rows.table("keypoints", keypoints, (-1, 3)))
    score = rows.table("scores", scores, ())
    area = rows.table("areas", areas, ())
    group = None if crowd is None else np.asarray(crowd, dtype=np.bool_)
    rows.told("crowd", group, ())
    names = rows.names(labels, class_ids, id_to_label)
    count = rows.count or 0
    table = LabelTable() if label_table is None else LabelTable(label_table)
    index = [-1 if name is None else table.index(name) for name in names or [None] * count]
    chunk = Chunk.build(
        items=[Item() if item is None else item],
        item=np.zeros(count, dtype=np.int32),
        labels=table,
        label=np.array(index, dtype=np.int32),
        bounds=bounds,
        rotated=rotated,
        runs=stacked,
        keypoints=None if points is None else _ragged(points),
        score=score,
        area=area,
        crowd=group,
    )
    return Columns(chunk)


class _Rows:
    """Checks that all arrays have the same number of rows."""

    def __init__(self) -> None:
        self.count: int | None = None
        self._first = ""

    def told(self, name: str, array: Any, rest: tuple[int, ...]) -> None:
        """Note the rows of an array of the shape (N, *rest); -1 stands for any length."""
        if array is None:
            return
        shape = array.shape
        fits = len(shape) == 1 + len(rest) and all(
            want in (-1, have) for want, have in zip(rest, shape[1:], strict=True)
        )
        if not fits:
            wanted = ", ".join(["N", *("K" if side < 0 else str(side) for side in rest)])
            raise UsageError(f"{name} has shape {shape}; it is ({wanted}{'' if rest else ','})")
        self._same(name, shape[0])

    def _same(self, name: str, count: int) -> None:
        if self.count is None:
            self.count, self._first = count, name
        elif self.count != count:
            raise UsageError(
                f"{name} has {count} rows, {self._first} {self.count}; each annotation has one "
                "row in all of them"
            )

    def table(self, name: str, values: ArrayLike | None, rest: tuple[int, ...]) -> Floats | None:
        if values is None:
            return None
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{name} is no array of numbers ({error})") from error
        if array.size == 0 and array.ndim == 1 and rest:
            # An empty list is no rows of whatever shape is due.
            array = array.reshape(0, *(max(side, 0) for side in rest))
        self.told(name, array, rest)
        if np.isinf(array).any():
            raise UsageError(f"{name} has an infinite number; NaN stands for none")
        if rest and (np.isnan(array).any(axis=-1) != np.isnan(array).all(axis=-1)).any():
            raise UsageError(f"{name} has a row with some NaN; all of it is NaN, or none")
        return array

    def masks(self, masks: ArrayLike | None, runs: Runs | None) -> Runs | None:
        if masks is not None and runs is not None:
            raise UsageError("masks and runs are both given; they say the same. Leave one out")
        if runs is not None:
            self._same("runs", len(runs))
            if not rle.valid(runs).all():
                row = int(np.flatnonzero(~rle.valid(runs))[0])
                raise UsageError(f"the run lengths of row {row} do not add up to its size")
            return runs
        if masks is None:
            return None
        pixels = np.asarray(masks)
        if pixels.size == 0 and pixels.ndim == 1:
            pixels = pixels.reshape(0, 1, 1)
        self.told("masks", pixels, (-1, -1))
        if pixels.dtype.kind not in "biuf":
            raise UsageError(f"masks have dtype {pixels.dtype}; they are bools or numbers")
        if pixels.dtype.kind == "f" and np.isnan(pixels).any():
            raise UsageError("masks have NaN; pixels are set or not. Replace NaN by 0")
        if len(pixels) == 0:
            return Runs.empty(0)
        shape = mask_shape(pixels.shape[1:], "masks")
        return Runs.of((rle.encode(mask != 0), shape) for mask in pixels)

    def names(
        self, labels: Sequence[str | None] | str | None, class_ids: ArrayLike | None, given: Any
    ) -> list[str | None] | None:
        if labels is not None and class_ids is not None:
            raise UsageError("labels and class_ids are both given; leave one out")
        if isinstance(labels, str):
            return [labels] * (self.count or 0)
        if labels is not None:
            names = list(labels)
            self._same("labels", len(names))
            for name in names:
                if name is not None and not isinstance(name, str):
                    raise UsageError(f"label {name!r} is no text; class ids go to class_ids=")
            return names
        if class_ids is None:
            return None
        ids = np.asarray(class_ids)
        if ids.size == 0:
            ids = ids.astype(np.int64)
        if ids.dtype.kind not in "iu":
            raise UsageError(f"class_ids have dtype {ids.dtype}; they are whole numbers")
        self.told("class_ids", ids, ())
        if given is None:
            raise UsageError("class_ids need id_to_label, which names them")
        try:
            table = dict(given) if hasattr(given, "keys") else dict(enumerate(given))
            return [table[int(number)] for number in ids]
        except KeyError as error:
            raise UsageError(
                f"class id {error.args[0]} has no name; id_to_label has {sorted(table)}"
            ) from error


def _ordered(bounds: Floats | None) -> Floats | None:
    if bounds is not None:
        wrong = (bounds[:, :2] > bounds[:, 2:]).any(axis=1)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise UsageError(
                f"boxes_xyxy: row {row} is {bounds[row].tolist()}; edges are left, top, right, "
                "bottom and go low to high. Is it x, y, width, height?"
            )
    return bounds


def _labelled(points: Floats | None) -> Floats | None:
    """Return key points as they are; a row has all of them, or all are NaN."""
    if points is None:
        return None
    absent = np.isnan(points[..., 2])
    partly = np.flatnonzero(absent.any(axis=1) & ~absent.all(axis=1))
    if len(partly):
        raise UsageError(
            f"keypoints: row {partly[0]} has NaN for some of its points; all of them are "
            "NaN, or none. A point that is not labelled is 0, 0, 0"
        )
    seen = points[..., 2]
    wrong = ~(np.isin(seen, (0, 1, 2)) | absent)
    if wrong.any():
        row = int(np.argwhere(wrong)[0, 0])
        raise UsageError(
            f"keypoints: row {row} has the visibility {seen[wrong][0]:g}; it is 0 (not labelled), "
            "1 (hidden) or 2 (visible). Scores of points are no visibility"
        )
    return points


def _ragged(points: Floats) -> Ragged:
    count, length, _ = points.shape
    absent: list[bool] = [bool(np.isnan(row).any()) for row in points]
    if any(absent):
        return Ragged.of(None if gone else row for row, gone in zip(points, absent, strict=True))
    return Ragged(points.reshape(-1, 3), offsets_of(np.full(count, length)))
