"""Set algebra and measures of a `Segmentation`, on run lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from dlgeom.definitions.mask_base import MaskBase
from dlgeom.geometry import rle

if TYPE_CHECKING:
    from dlgeom.definitions.segmentation import Segmentation

__all__ = ["MaskAlgebra"]


class MaskAlgebra(MaskBase):
    """Measures and set algebra; results keep label, attributes and description of this mask."""

    __slots__ = ()

    @property
    def centroid(self) -> tuple[float, float]:
        """Centre of mass x, y in pixels; NaN for an empty mask.

        The mean of the middles of all pixels: a single pixel at row 0, column 0 has (0.5, 0.5).
        """
        from dlgeom.geometry import rle_regions

        return rle_regions.centroid(self._counts, (self._height, self._width))

    @property
    def perimeter(self) -> float:
        """Length of the outlines along pixel edges, holes included, in pixels."""
        from dlgeom.geometry import rle_regions

        return float(rle_regions.perimeter(self._counts, (self._height, self._width)))

    def iou(self, other: Any, crowd: bool = False) -> float:
        """Return intersection over union with another mask of the same shape, or any shape.

        Parameters
        ----------
        other : Definition or Annotation
            Another mask; what is none is filled on the canvas of this mask, see `dlgeom.overlap`.
        crowd : bool, default False
            Whether `other` marks a crowd, as COCO has it: the intersection is then divided by the
            area of this mask alone.

        Returns
        -------
        float
            In [0, 1]; 1 exactly for equal masks, two empty ones included, unless the other is a
            crowd: then an empty mask has 0.

        Raises
        ------
        GeometryError
            If the other is a mask of another shape.
        UsageError
            If the other is neither definition nor annotation.
        """
        if not isinstance(other, MaskBase):
            return super().iou(other, crowd=crowd)
        theirs = self._runs_like(other, "iou")
        mine, both = rle.area(self._counts), rle.intersection_area(self._counts, theirs)
        whole = mine if crowd else mine + rle.area(theirs) - both
        return both / whole if whole else float(not crowd)

    # Set algebra.

    def union(self, *others: Segmentation) -> Self:
        """Return the pixels set in this mask or any of the others, all of one shape.

        Raises
        ------
        GeometryError
            If one of the others is no mask, or of another shape.

        Examples
        --------
        >>> from dlgeom import Segmentation
        >>> a = Segmentation([[1, 1, 0]], "a")
        >>> b = Segmentation([[0, 1, 1]], "b")
        >>> (a | b).area, (a & b).area, (a - b).area, (a ^ b).area, (~a).area
        (3, 1, 1, 2, 1)
        """
        theirs = [self._runs_like(other, "union") for other in others]
        if len(theirs) == 1:
            return self._made(rle.union(self._counts, theirs[0]))
        return self._made(rle.union_many([self._counts, *theirs], self._height * self._width))

    def intersection(self, other: Segmentation) -> Self:
        """Return the pixels set in both masks; errors as for `union`."""
        theirs = self._runs_like(other, "intersection")
        return self._made(rle.intersection(self._counts, theirs))

    def difference(self, other: Segmentation) -> Self:
        """Return the pixels set in this mask but not in the other; errors as for `union`."""
        return self._made(rle.difference(self._counts, self._runs_like(other, "difference")))

    def symmetric_difference(self, other: Segmentation) -> Self:
        """Return the pixels set in exactly one of the masks; errors as for `union`."""
        theirs = self._runs_like(other, "symmetric_difference")
        return self._made(rle.xor(self._counts, theirs))

    def complement(self) -> Self:
        """Return the pixels that are not set."""
        return self._made(rle.complement(self._counts))

    def __or__(self, other: Segmentation) -> Self:
        return self.union(other) if isinstance(other, MaskBase) else NotImplemented

    def __and__(self, other: Segmentation) -> Self:
        return self.intersection(other) if isinstance(other, MaskBase) else NotImplemented

    def __sub__(self, other: Segmentation) -> Self:
        return self.difference(other) if isinstance(other, MaskBase) else NotImplemented

    def __xor__(self, other: Segmentation) -> Self:
        if not isinstance(other, MaskBase):
            return NotImplemented
        return self.symmetric_difference(other)

    def __invert__(self) -> Self:
        return self.complement()
