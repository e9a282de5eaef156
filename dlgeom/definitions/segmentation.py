"""Segmentations: masks kept as run lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.definitions.base import AttributesLike, Bounds, read_only
from dlgeom.definitions.mask_algebra import MaskAlgebra
from dlgeom.definitions.mask_base import mask_shape, whole_pixels
from dlgeom.definitions.mask_grid import MaskGrid
from dlgeom.definitions.mask_regions import MaskRegions
from dlgeom.definitions.polygon import Polygon, rings_of
from dlgeom.errors import GeometryError
from dlgeom.geometry import rle
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["Segmentation", "mask_array", "mask_shape"]

Counts = NDArray[np.uint32]


def mask_array(mask: Any, what: str = "mask") -> NDArray[np.bool_]:
    """Return a mask as a bool array of shape (H, W); anything that is not zero is set.

    Raises
    ------
    GeometryError
        If it is not two-dimensional and at least one pixel large, not numeric, or has NaN.
    """
    try:
        array = np.asarray(mask)
    except ValueError as error:
        raise GeometryError(
            f"{what} is no array ({error}); a mask is (height, width), all rows equally long"
        ) from error
    if array.ndim != 2 or array.size == 0:
        raise GeometryError(
            f"{what} has shape {array.shape}; a mask is (height, width), at least 1 x 1. "
            "Take one channel of a picture"
        )
    if array.dtype.kind not in "biuf":
        raise GeometryError(f"{what} has dtype {array.dtype}; a mask holds bools or numbers")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise GeometryError(f"{what} has NaN; pixels are set or not. Replace NaN by 0")
    return array if array.dtype == np.bool_ else array != 0


class Segmentation(MaskAlgebra, MaskGrid, MaskRegions):
    """The pixels of one thing, kept as run lengths.

    Parameters
    ----------
    geo : array_like, shape (H, W)
        The mask; anything that is not zero is set.
    label : str
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If `geo` is not two-dimensional, is empty, or has NaN.

    Notes
    -----
    Bounds are exclusive at right and bottom: columns 3..7 give left 3, right 8. An empty mask
    has bounds of zeros. Everything works on the runs, so that its cost grows with them and not
    with the pixels; only `geo` and `to_mask` ever cost the whole image, and `to_crop` the bounds.
    Methods that return a mask keep the label, attributes and description of the mask they are
    called on.

    Examples
    --------
    >>> mask = np.zeros((4, 6), dtype=bool)
    >>> mask[1:3, 2:5] = True
    >>> Segmentation(mask, "cat")
    Segmentation(4x6, 6 px, label='cat')
    """

    type: ClassVar[str] = "binary"

    __slots__ = ("_counts", "_height", "_width")
    _geometry = ("_counts", "_height", "_width")

    _counts: Counts
    _height: int
    _width: int

    def __init__(
        self,
        geo: ArrayLike,
        label: str | None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> None:
        mask = mask_array(geo, "Segmentation: geo")
        self._set(rle.encode(mask), mask.shape[0], mask.shape[1])
        self._fill(label, attributes, description)

    def _set(self, counts: Counts, height: int, width: int) -> None:
        put = object.__setattr__
        put(self, "_counts", read_only(counts))
        put(self, "_height", height)
        put(self, "_width", width)

    @classmethod
    def from_rle(
        cls,
        counts: str | bytes | Sequence[int] | NDArray[Any],
        shape: tuple[int, int],
        label: str | None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> Segmentation:
        """Build from run lengths as COCO has them.

        Parameters
        ----------
        counts : str, bytes, sequence of int or ndarray, shape (C,)
            COCO's compressed string, or run lengths column by column, zeros first.
        shape : tuple of int
            (height, width) in pixels.
        label, attributes, description
            As for `Segmentation`.

        Raises
        ------
        GeometryError
            If the counts cannot be read or do not add up to ``height * width``.
        """
        sides = mask_shape(shape, "Segmentation")
        if isinstance(counts, str | bytes | bytearray):
            runs = rle.from_string(counts)
        elif isinstance(counts, np.ndarray):
            runs = rle.from_list(np.atleast_1d(counts).tolist())
        elif isinstance(counts, Sequence):
            runs = rle.from_list([*counts])
        else:
            raise GeometryError(
                f"Segmentation: counts are {counts!r}; they are text or a list of integers"
            )
        rle.check(runs, sides)
        return cls._of_counts(rle.normalise(runs), sides, label, attributes, description)

    @classmethod
    def _of_counts(
        cls,
        counts: Counts,
        shape: tuple[int, int],
        label: str | None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> Segmentation:
        """Build from checked counts."""
        self: Segmentation = object.__new__(cls)
        self._set(counts, *shape)
        self._fill(label, attributes, description)
        return self

    @classmethod
    def _view(
        cls,
        counts: Counts,
        shape: tuple[int, int],
        label: str | None,
        attributes: Any,
        description: str | None = None,
    ) -> Segmentation:
        """Build from checked, read-only columns, without copies or checks."""
        self: Segmentation = object.__new__(cls)
        put = object.__setattr__
        self._set(counts, *shape)
        put(self, "label", label)
        put(self, "attributes", attributes)
        put(self, "description", description)
        return self

    @classmethod
    def from_crop(
        cls,
        crop: ArrayLike,
        left: int,
        top: int,
        shape: tuple[int, int],
        label: str | None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> Segmentation:
        """Build from the pixels of a part of the image; nothing else is set.

        Parameters
        ----------
        crop : array_like, shape (h, w)
            Anything that is not zero is set.
        left, top : int
            Column and row of the crop's first pixel in the image; it lies inside.
        shape : tuple of int
            (height, width) of the image in pixels.
        label, attributes, description
            As for `Segmentation`.

        Raises
        ------
        GeometryError
            If the crop does not lie within the shape, or is no mask.

        Examples
        --------
        >>> Segmentation.from_crop([[1, 1], [0, 1]], 50, 20, (480, 640), "cat").bounds
        (50.0, 20.0, 52.0, 22.0)
        """
        pixels = mask_array(crop, "Segmentation.from_crop: crop")
        sides = mask_shape(shape, "Segmentation.from_crop")
        x, y = whole_pixels(left, "from_crop: left"), whole_pixels(top, "from_crop: top")
        counts = rle.encode_crop(pixels, x, y, sides)
        return cls._of_counts(counts, sides, label, attributes, description)

    @classmethod
    def from_polygon(
        cls,
        geo: Polygon | ArrayLike | Sequence[ArrayLike],
        label: str | None,
        shape: tuple[int, int],
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> Segmentation:
        """Fill a polygon, pixel for pixel as pycocotools does.

        Parameters
        ----------
        geo : Polygon, array_like of float, shape (N, 2), or sequence of such rings
            What to fill; a list of rings is read even-odd.
        label : str
            Name of its class.
        shape : tuple of int
            (height, width) of the image in pixels; what lies outside is cut away.
        attributes, description
            As for `Segmentation`.

        Raises
        ------
        GeometryError
            If the rings or the shape are refused.
        """
        from dlgeom.conversions import polygon_to_runs

        polygon = geo if isinstance(geo, Polygon) else Polygon(rings_of(geo, "geo"), label)
        sides = mask_shape(shape, "Segmentation.from_polygon")
        counts = polygon_to_runs(polygon, sides)
        return cls._of_counts(counts, sides, label, attributes, description)

    @property
    def counts(self) -> Counts:
        """Run lengths column by column, zeros first; read-only uint32, shape (C,)."""
        return self._counts

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the mask in pixels; `height` and `width` are those of `bounds`."""
        return self._height, self._width

    @property
    def geo(self) -> NDArray[np.bool_]:
        """The dense mask, shape (H, W), decoded anew by each access; read-only."""
        return read_only(self.to_mask())

    def to_mask(self, *, limits: Limits = DEFAULT_LIMITS) -> NDArray[np.bool_]:
        """Return the dense mask as a new bool array of shape (H, W).

        Raises
        ------
        LimitError
            If it has more pixels than ``limits.pixels``.
        """
        limits.check("pixels", self._height * self._width, code="limit.pixels", what="the mask")
        return rle.decode(self._counts, self.shape)

    def to_crop(self, *, limits: Limits = DEFAULT_LIMITS) -> tuple[NDArray[np.bool_], int, int]:
        """Return the mask inside of its bounds, and their left and top, in pixels.

        Raises
        ------
        LimitError
            If the bounds have more pixels than ``limits.pixels``.
        """
        left, top, right, bottom = rle.bounds(self._counts, self.shape)
        pixels = (right - left) * (bottom - top)
        limits.check("pixels", pixels, code="limit.pixels", what="the mask within its bounds")
        return rle.decode_crop(self._counts, self.shape)

    @property
    def area(self) -> int:
        """Number of pixels set."""
        return int(rle.area(self._counts))

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom in pixels, exclusive at right and bottom; 0 if empty."""
        left, top, right, bottom = rle.bounds(self._counts, self.shape)
        return float(left), float(top), float(right), float(bottom)

    @property
    def x(self) -> NDArray[np.float64]:
        """Left and right edge of the bounds, shape (2,)."""
        return np.array([self.left, self.right])

    @property
    def y(self) -> NDArray[np.float64]:
        """Upper and lower edge of the bounds, shape (2,)."""
        return np.array([self.top, self.bottom])

    def _geometry_key(self) -> Any:
        return self.shape, rle.normalise(self._counts).tobytes()

    def _same_geometry(self, other: Any) -> bool:
        if self.shape != other.shape:
            return False
        # Counts of one mask may differ by runs of length zero.
        return np.array_equal(self._counts, other._counts) or np.array_equal(
            rle.normalise(self._counts), rle.normalise(other._counts)
        )

    def _summary(self) -> list[str]:
        return [f"{self._height}x{self._width}", f"{self.area} px"]
