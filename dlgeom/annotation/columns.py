"""Methods of `AnnotationCollection` that give its annotations as arrays: delegations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dlgeom.batches import Columns
    from dlgeom.geometry.ragged import Runs

__all__ = ["ColumnMethods"]

Floats = NDArray[np.float64]


class ColumnMethods:
    """Arrays with one row for each annotation, in the collection's order."""

    __slots__ = ()

    def columns(self) -> Columns:
        """Return all columns at once; cheaper than the methods below one after the other.

        See `dlgeom.batches.Columns`; ``columns().collection()`` is the way back.
        """
        from dlgeom.batches import Columns

        return Columns.of(self)  # type: ignore[arg-type]

    @classmethod
    def from_arrays(cls, labels: Any = None, **arrays: Any) -> Self:
        """Build a collection from arrays; see `dlgeom.batches.from_arrays`.

        Examples
        --------
        >>> from dlgeom.annotation import AnnotationCollection
        >>> found = AnnotationCollection.from_arrays(["cat"], boxes_xyxy=[[0, 0, 4, 2]])
        >>> found[0].annotation_definition
        Box(left=0.0, top=0.0, right=4.0, bottom=2.0, label='cat')
        """
        from dlgeom.batches import from_arrays

        made: Any = from_arrays(labels, **arrays).collection()
        return made  # type: ignore[no-any-return]

    def boxes_xyxy(self, *, prefer: Literal["stored", "shape"] = "stored") -> Floats:
        """Return left, top, right, bottom in pixels, shape (N, 4); NaN for what has no place."""
        return self.columns().boxes_xyxy(prefer=prefer)

    def boxes_rotated(self, *, fit: bool = False) -> Floats:
        """Return centre x, y, width, height, degrees clockwise, shape (N, 5); NaN for none."""
        return self.columns().boxes_rotated(fit=fit)

    def class_ids(
        self, label_to_id: Mapping[str, int], *, missing: int | None = None
    ) -> NDArray[np.int64]:
        """Return the class ids, shape (N,); `missing` stands for labels without one."""
        return self.columns().class_ids(label_to_id, missing=missing)

    def masks(self, shape: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """Return dense masks, shape (N, height, width); of the item's size if `shape` is None."""
        return self.columns().masks(shape)

    def runs(self, shape: tuple[int, int] | None = None) -> Runs:
        """Return the masks as run lengths, one row for each annotation."""
        return self.columns().runs(shape)

    def keypoints(self, count: int | None = None) -> Floats:
        """Return x, y, visibility of key points, shape (N, K, 3), filled with zeros."""
        return self.columns().keypoints(count)

    def scores(self) -> Floats:
        """Return the confidence of each, shape (N,); NaN for none."""
        return self.columns().scores

    def crowd(self) -> NDArray[np.bool_]:
        """Return whether each stands for a group, shape (N,)."""
        return self.columns().crowd
