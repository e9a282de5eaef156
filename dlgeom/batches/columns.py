"""`Columns`: what the annotations of a collection say, as arrays with one row for each.

Rows are aligned: row i of each array is annotation i of the collection, whatever it is. What an
annotation does not have is NaN (boxes, scores), all zeros (key points, masks) or an error
(class ids), as each method says.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlgeom.batches import shapes
from dlgeom.batches.rows import rows_of
from dlgeom.chunk import Chunk
from dlgeom.chunk_objects import annotations_of, chunk_of
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import Runs
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from dlgeom.annotation import AnnotationCollection

__all__ = ["Columns"]

Floats = NDArray[np.float64]


class Columns:
    """The annotations of one item as arrays, row i for annotation i.

    Parameters
    ----------
    chunk : Chunk
        Columns of which all rows are taken; they belong to one item.

    Notes
    -----
    An immutable value. `Columns.of` copies what the annotations say once; rows of a chunk, and
    slices of columns, are read-only views (``np.shares_memory``). Arrays that are stored are
    handed out as they are: `label`, `crowd`, `scores`, and `boxes_xyxy` where each row has a
    stored box. The others are new.

    Examples
    --------
    >>> from dlgeom.definitions import Box, Polygon
    >>> builder = Item(name="a.jpg", width=64, height=48).annotations.builder()
    >>> builder.add([Box(1, 2, 30, 40, "cat"), Polygon([[5, 5], [9, 5], [9, 9]], "dog")])
    >>> columns = Columns.of(builder)
    >>> columns.boxes_xyxy()
    array([[ 1.,  2., 30., 40.],
           [ 5.,  5.,  9.,  9.]])
    >>> columns.class_ids({"cat": 1, "dog": 2})
    array([1, 2])
    >>> columns.collection() == builder
    True
    """

    __slots__ = ("chunk",)

    chunk: Chunk

    def __init__(self, chunk: Chunk) -> None:
        if len(chunk.items) > 1 and len(np.unique(chunk.item)) > 1:
            raise UsageError(
                f"the chunk has rows of {len(np.unique(chunk.item))} items; columns are those of "
                "one. Take Columns.of_item(chunk, index)"
            )
        self.chunk = chunk

    @classmethod
    def of(cls, collection: AnnotationCollection) -> Columns:
        """Return the columns of a collection; what its annotations say is copied once."""
        item = Item() if collection.item is None else collection.item
        return cls(chunk_of([(item, collection)]))

    @classmethod
    def of_item(cls, chunk: Chunk, index: int = 0) -> Columns:
        """Return the columns of ``chunk.items[index]``: views, where its rows are together.

        Parameters
        ----------
        chunk : Chunk
            As readers give them; in a grouped stream the rows of an item are together.
        index : int
            Which of its items.

        Raises
        ------
        UsageError
            If there is no such item.
        """
        if not 0 <= index < len(chunk.items):
            raise UsageError(f"there is no item {index}; the chunk has {len(chunk.items)}")
        if len(chunk) and (np.diff(chunk.item) < 0).any():
            rows = np.flatnonzero(chunk.item == index)
            part = chunk.select(rows)
        else:
            start, stop = np.searchsorted(chunk.item, [index, index + 1]).tolist()
            part = rows_of(chunk, start, stop)
        part.items = [chunk.items[index]]
        part.item = np.zeros(len(part), dtype=np.int32)
        return cls(part)

    # As a sequence of rows.

    def __len__(self) -> int:
        return len(self.chunk)

    def __getitem__(self, rows: slice | NDArray[Any] | Sequence[int]) -> Columns:
        """Return some rows: a slice with step 1 as views, others as copies.

        Parameters
        ----------
        rows : slice, ndarray of int or bool, or sequence of int
            Which rows, in the order given.
        """
        count = len(self)
        if isinstance(rows, slice):
            start, stop, step = rows.indices(count)
            if step == 1:
                return Columns(rows_of(self.chunk, start, max(start, stop)))
            rows = np.arange(start, stop, step)
        chosen = np.asarray(rows)
        if chosen.dtype == np.bool_:
            if chosen.shape != (count,):
                raise UsageError(f"a mask of shape {chosen.shape} chooses among {count} rows")
            chosen = np.flatnonzero(chosen)
        elif chosen.size == 0:
            chosen = np.zeros(0, dtype=np.int64)
        elif chosen.dtype.kind not in "iu" or chosen.ndim != 1:
            raise UsageError(f"rows are {rows!r}; they are a slice, positions or a mask")
        if len(chosen) and (chosen.min() < -count or chosen.max() >= count):
            raise IndexError(f"row {chosen.max()} of {count}")
        return Columns(self.chunk.select(np.where(chosen < 0, chosen + count, chosen)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Columns):
            return NotImplemented
        return self.chunk == other.chunk

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Columns({len(self)} rows)"

    # What the rows say.

    @property
    def item(self) -> Item:
        """The item that the rows belong to."""
        index = int(self.chunk.item[0]) if len(self.chunk) else 0
        return self.chunk.items[index] if len(self.chunk.items) else Item()

    @property
    def label(self) -> NDArray[np.int32]:
        """Index of each row's label in ``chunk.labels``, -1 for none; shape (N,), stored."""
        return self.chunk.label

    @property
    def labels(self) -> list[str | None]:
        """Name of each row's label, None for none."""
        names = self.chunk.labels.names
        return [names[k] if k >= 0 else None for k in self.chunk.label.tolist()]

    @property
    def scores(self) -> Floats:
        """Confidence of each row, NaN for none; shape (N,), stored."""
        return self.chunk.score

    @property
    def crowd(self) -> NDArray[np.bool_]:
        """Whether each row stands for a group; shape (N,), stored."""
        return self.chunk.crowd

    def class_ids(
        self, label_to_id: Mapping[str, int], *, missing: int | None = None
    ) -> NDArray[np.int64]:
        """Return the class id of each row, int64 of shape (N,).

        Parameters
        ----------
        label_to_id : mapping of str to int
            Label -> id; several labels may have one id.
        missing : int, optional
            Id of rows whose label is not in the map, or that have none. If None they are an
            error.

        Raises
        ------
        UsageError
            If a label is not in the map, and `missing` is not given.
        """
        names = self.chunk.labels.names
        used = np.unique(self.chunk.label).tolist()
        table = np.zeros(len(names) + 1, dtype=np.int64)
        for k in used:
            name = names[k] if k >= 0 else None
            if name is not None and name in label_to_id:
                table[k] = operator.index(label_to_id[name])
            elif missing is not None:
                table[k] = missing
            else:
                shown = "a row without a label" if name is None else f"label {name!r}"
                raise UsageError(
                    f"{shown} has no id; the map has {', '.join(map(repr, label_to_id))}. "
                    "Add it, or pass missing="
                )
        return table[self.chunk.label]

    def boxes_xyxy(self, *, prefer: Literal["stored", "shape"] = "stored") -> Floats:
        """Return left, top, right, bottom of each row in pixels, shape (N, 4).

        Parameters
        ----------
        prefer : {"stored", "shape"}
            Of a record with a box and another shape: the box as it is stored, or the bounds of
            the polygon or mask.

        Returns
        -------
        ndarray of float64, shape (N, 4)
            Bounds of rotated boxes, polygons, masks, labelled key points, ellipses...; NaN for
            what has no place in the image, and for empty masks. The stored column itself,
            read-only, where nothing had to be found.
        """
        return shapes.boxes(self.chunk, prefer)

    def boxes_rotated(self, *, fit: bool = False) -> Floats:
        """Return centre x, y, width, height, angle of each row, shape (N, 5).

        Parameters
        ----------
        fit : bool, default False
            Whether a polygon or mask with an upright box beside it gets the rotated box of the
            smallest area around it, rather than the upright one.

        Returns
        -------
        ndarray of float64, shape (N, 5)
            Pixels, and degrees clockwise on screen: rotated boxes as they are; upright boxes
            with the angle 0; of other shapes that of `conversions.to_rotated_box`. NaN as for
            `boxes_xyxy`.
        """
        return shapes.rotated_boxes(self.chunk, fit)

    def keypoints(self, count: int | None = None) -> Floats:
        """Return x, y, visibility of the key points of each row, shape (N, K, 3).

        Parameters
        ----------
        count : int, optional
            K; the largest number of a row if not given.

        Returns
        -------
        ndarray of float64, shape (N, K, 3)
            Rows with fewer points are filled with zeros (visibility 0: not labelled). A view on
            the column where all rows have K points.

        Raises
        ------
        UsageError
            If a row has more than `count` points.
        """
        points = self.chunk.keypoints
        lengths = points.lengths
        most = int(lengths.max()) if len(lengths) else 0
        wanted = most if count is None else operator.index(count)
        if most > wanted:
            raise UsageError(f"a row has {most} key points; count is {wanted}. Raise it")
        if len(lengths) and (lengths == wanted).all():
            return points.values.reshape(len(lengths), wanted, 3)
        result = np.zeros((len(lengths), wanted, 3))
        result[np.arange(wanted) < lengths[:, None]] = points.values
        return result

    def runs(self, shape: tuple[int, int] | None = None) -> Runs:
        """Return the masks of all rows as run lengths.

        Parameters
        ----------
        shape : tuple of int, optional
            (height, width) in pixels of the image; that of the item if not given.

        Returns
        -------
        Runs
            One row for each; of a mask as it is, of polygons, ellipses, cubes and rotated boxes
            filled as `conversions.to_segmentation` does. Rows of an upright box alone, and of
            what has no area, have no mask. The stored column where nothing had to be filled.

        Raises
        ------
        GeometryError
            If a size is needed and not known, or a mask has another one.
        """
        return shapes.runs(self.chunk, self._shape(shape))

    def masks(
        self, shape: tuple[int, int] | None = None, *, limits: Limits = DEFAULT_LIMITS
    ) -> NDArray[np.bool_]:
        """Return the dense masks of all rows, bool of shape (N, height, width).

        Rows without a mask (see `runs`) are empty. Costs a byte for each pixel of each row.

        Raises
        ------
        GeometryError
            As for `runs`; also if there are no rows with a mask, and the size is not known.
        LimitError
            If an image has more pixels than ``limits.pixels``.
        """
        sides = self._shape(shape)
        stacked = shapes.runs(self.chunk, sides)
        if sides is None:
            present = stacked.shape[stacked.present]
            if len(present) == 0 or (present != present[0]).any():
                raise GeometryError(
                    "the size of the image is not known; masks are (height, width). Pass shape="
                )
            sides = (int(present[0, 0]), int(present[0, 1]))
        limits.check("pixels", sides[0] * sides[1], code="limit.pixels", what="a mask")
        result = np.zeros((len(stacked), *sides), dtype=np.bool_)
        for row in np.flatnonzero(stacked.present).tolist():
            crop, left, top = rle.decode_crop(stacked.row(row), sides)
            result[row, top : top + crop.shape[0], left : left + crop.shape[1]] = crop
        return result

    def areas(self, *, prefer: Literal["stored", "shape"] = "stored") -> Floats:
        """Return the area of each row in square pixels, shape (N,); NaN for what has no place.

        Parameters
        ----------
        prefer : {"stored", "shape"}
            The area that the source stores, where it does, or that of the shape: pixels of a
            mask, area of a polygon, of a box.
        """
        return shapes.areas(self.chunk, prefer)

    # The way back.

    def collection(self) -> AnnotationCollection:
        """Return the annotations as objects, which view these arrays."""
        if not len(self.chunk.items):
            from dlgeom.annotation import AnnotationCollection

            return AnnotationCollection()
        return annotations_of(self.chunk, int(self.chunk.item[0]) if len(self.chunk) else 0)

    def _shape(self, shape: tuple[int, int] | None) -> tuple[int, int] | None:
        if shape is None:
            return self.item.shape
        from dlgeom.definitions.segmentation import mask_shape

        return mask_shape(shape, "shape")
