"""Regions of a `Segmentation`: pieces, holes, margins, outlines; on run lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dlgeom.definitions.mask_base import MaskBase

if TYPE_CHECKING:
    from dlgeom.definitions.box import Box
    from dlgeom.definitions.polygon import Polygon

__all__ = ["MaskRegions"]


class MaskRegions(MaskBase):
    """Regions; results keep label, attributes and description of this mask."""

    __slots__ = ()

    def components(self, connectivity: int = 8) -> list[Self]:
        """Return the connected pieces, most pixels first.

        Parameters
        ----------
        connectivity : {8, 4}
            8: pixels that share an edge or a corner belong together. 4: an edge only.

        Returns
        -------
        list of Segmentation
            Masks of the same shape; pieces of equally many pixels come in the order of their
            first pixel row by row. Holes are no pieces. Empty for an empty mask.

        Raises
        ------
        GeometryError
            If `connectivity` is another number.
        """
        from dlgeom.geometry import rle_regions

        shape = self._height, self._width
        found = rle_regions.components(self._counts, shape, connectivity)
        return [self._made(counts) for counts in found]

    def count_components(self, connectivity: int = 8) -> int:
        """Return the number of connected pieces; see `components`."""
        from dlgeom.geometry import rle_regions

        shape = self._height, self._width
        return rle_regions.count_components(self._counts, shape, connectivity)

    def fill_holes(self, connectivity: int = 8) -> Self:
        """Return the mask with the pixels of all holes set.

        A hole is a connected piece of unset pixels that does not touch the border of the image.

        Parameters
        ----------
        connectivity : {8, 4}
            Of the pixels that are set. 8: holes are pieces of unset pixels that share edges, as
            in ``scipy.ndimage.binary_fill_holes``, so a ring that closes at corners has a hole.
            4: they may share corners, and such a ring is open.

        Raises
        ------
        GeometryError
            If `connectivity` is another number.
        """
        from dlgeom.geometry import rle_regions

        shape = self._height, self._width
        return self._made(rle_regions.fill_holes(self._counts, shape, connectivity))

    def dilate(self, radius: float) -> Self:
        """Return the pixels no further than a radius from one that is set, middle to middle.

        Parameters
        ----------
        radius : float
            In pixels, >= 0. Pixels at (dx, dy) with ``dx**2 + dy**2 <= radius**2`` count: for
            whole radii the disc of ``skimage.morphology.disk``. What would grow beyond the
            image is cut away.

        Raises
        ------
        GeometryError
            If the radius is negative or not finite.
        """
        from dlgeom.geometry import rle_morphology

        shape = self._height, self._width
        return self._made(rle_morphology.dilate(self._counts, shape, radius))

    def erode(self, radius: float, *, outside: bool = True) -> Self:
        """Return the pixels that have only set ones within a radius, middle to middle.

        Parameters
        ----------
        radius : float
            As for `dilate`.
        outside : bool, default True
            What lies outside of the image counts as. True: as set, so nothing is taken away along
            the border of the image, as in OpenCV and scikit-image. False: as not set, as in
            SciPy.

        Raises
        ------
        GeometryError
            If the radius is negative or not finite.
        """
        from dlgeom.geometry import rle_morphology

        shape = self._height, self._width
        return self._made(rle_morphology.erode(self._counts, shape, radius, outside=bool(outside)))

    # Other shapes.

    def contours(
        self,
        *,
        epsilon: float | None = None,
        max_instances: int | None = None,
        min_area: float = 0,
    ) -> list[Polygon]:
        """Return the outline of each 8-connected piece, most pixels first, holes included.

        Outlines run along pixel edges: filling them gives the mask back, pixel for pixel, unless
        `epsilon` is greater than 0. Parameters as for `dlgeom.conversions.mask_to_polygons`.
        """
        from dlgeom.conversions import mask_to_polygons

        found = mask_to_polygons(
            self,  # type: ignore[arg-type]
            self.label,
            attributes=self.attributes,
            epsilon=epsilon,
            max_instances=max_instances,
            min_area=min_area,
        )
        return [polygon.replace(description=self.description) for polygon in found]

    def to_box(self) -> list[Box]:
        """Return the bounds of each 8-connected component, largest first; holes are none."""
        from dlgeom.conversions import mask_to_boxes

        return mask_to_boxes(self, self.label, attributes=self.attributes)  # type: ignore[arg-type]

    def to_rotated_box(self) -> Box:
        """Return the rotated box of the smallest area that holds all pixels.

        Raises
        ------
        GeometryError
            If no pixel is set.
        """
        from dlgeom.conversions import to_rotated_box

        return to_rotated_box(self)
