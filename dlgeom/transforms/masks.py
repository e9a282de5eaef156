"""Masks under affine maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlgeom.definitions import Segmentation
from dlgeom.definitions.segmentation import mask_shape
from dlgeom.errors import UsageError
from dlgeom.geometry import rle_affine

if TYPE_CHECKING:
    from dlgeom.transforms.affine import Affine

__all__ = ["apply_to_mask"]


def apply_to_mask(transform: Affine, mask: Segmentation) -> Segmentation:
    """Return a mask where the map takes it, on the canvas that the map gives or on its own.

    Pixels that leave the canvas are cut. See `dlgeom.geometry.rle_affine.transform`.

    Raises
    ------
    UsageError
        If the map is for images of another size.
    GeometryError
        If it has no inverse.
    """
    height, width = mask.shape
    if transform.source is not None and transform.source != (width, height):
        raise UsageError(
            f"the map is for an image of {transform.source}, the mask is {(width, height)} "
            "(width, height); they have to be equal. Build the map with size= of the mask"
        )
    wide, high = transform.size or (width, height)
    shape = mask_shape((high, wide), "Segmentation")
    counts = rle_affine.transform(mask.counts, mask.shape, transform.matrix, shape)
    return Segmentation._of_counts(counts, shape, mask.label, mask.attributes, mask.description)
