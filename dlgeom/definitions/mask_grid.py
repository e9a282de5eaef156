"""A `Segmentation` on another canvas: crop, paste, shift, mirror, turn, resize; on run lengths."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from dlgeom.definitions.base import number
from dlgeom.definitions.mask_base import MaskBase, mask_shape, whole_pixels
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import rle

if TYPE_CHECKING:
    from dlgeom.definitions.segmentation import Segmentation

__all__ = ["MaskGrid"]

Shape = tuple[int, int]
Size = tuple[int, int]


class MaskGrid(MaskBase):
    """Moves between canvases; results keep label, attributes and description of this mask."""

    __slots__ = ()

    def _window(self, left: int, top: int, right: int, bottom: int) -> Self:
        from dlgeom.geometry import rle_grid

        shape = mask_shape((bottom - top, right - left), "Segmentation")
        old = self._height, self._width
        if left >= old[1] or top >= old[0] or right <= 0 or bottom <= 0:
            # It sees nothing; its edges may be any numbers, also such that do not fit 64 bits.
            nothing = rle.from_flips(np.zeros(0, dtype=np.int64), shape[0] * shape[1])
            return self._made(nothing, shape)
        counts = rle_grid.window(self._counts, old, left, top, right, bottom)
        return self._made(counts, shape)

    def _own_size(self, size: Any, what: str) -> None:
        """Raise unless `size` is None or the (width, height) of the mask."""
        own = (self._width, self._height)
        if size is not None and not (np.shape(size) == (2,) and tuple(size) == own):
            raise UsageError(
                f"Segmentation.{what}: size is {size!r}, the mask is {self._width} x "
                f"{self._height} (width x height); they have to be equal. Leave size= out"
            )

    def crop(self, left: float, top: float, right: float, bottom: float) -> Self | None:
        """Return what is seen through a window, which becomes the new canvas.

        Parameters
        ----------
        left, top, right, bottom : float
            Edges of the window in pixels, exclusive at right and bottom; its width and height are
            whole. It may leave the image: what lies outside is not set. Where its edges lie
            between pixels, each new pixel takes the one that its middle falls into.

        Returns
        -------
        Segmentation or None
            A mask of shape ``(bottom - top, right - left)``; None if no pixel of it is set.

        Raises
        ------
        GeometryError
            If the window has no pixels, or its sides are not whole.
        """
        names = ("left", "top", "right", "bottom")
        edges = (left, top, right, bottom)
        a, b, c, d = (
            number(edge, f"crop: {name}") for edge, name in zip(edges, names, strict=True)
        )
        if not (a < c and b < d):
            raise GeometryError(
                f"crop: the window {edges} has no area; edges go left, top, right, bottom"
            )
        wide, high = (
            whole_pixels(c - a, "crop: right - left"),
            whole_pixels(d - b, "crop: bottom - top"),
        )
        x, y = math.floor(a + 0.5), math.floor(b + 0.5)
        seen = self._window(x, y, x + wide, y + high)
        return None if seen.is_empty else seen

    def paste(self, onto: Segmentation | Shape, left: int = 0, top: int = 0) -> Self:
        """Put the mask, its canvas included, onto another one.

        Parameters
        ----------
        onto : Segmentation or (int, int)
            The mask below, or the (height, width) of an empty one. It keeps its pixels outside of
            the canvas of this mask and loses those inside: a crop that is pasted where it was
            taken changes nothing. For what is set in either of them take the union.
        left, top : int, default 0
            Where the first pixel of this mask goes; what leaves the other is cut away.

        Returns
        -------
        Segmentation
            A mask of the shape of `onto`.

        Raises
        ------
        GeometryError
            If the shape is none, or `left` or `top` is not whole.

        Examples
        --------
        >>> from dlgeom import Segmentation
        >>> Segmentation([[1, 1]], "cat").paste((480, 640), left=30, top=20).bounds
        (30.0, 20.0, 32.0, 21.0)
        """
        x, y = whole_pixels(left, "paste: left"), whole_pixels(top, "paste: top")
        if isinstance(onto, MaskBase):
            height, width = onto._height, onto._width
        else:
            height, width = mask_shape(onto, "Segmentation.paste")
        put = self._window(-x, -y, width - x, height - y)
        if not isinstance(onto, MaskBase):
            return put
        size = self._height * self._width
        canvas = self._made(rle.from_flips(np.zeros(1, dtype=np.int64), size))  # all set
        covered = canvas._window(-x, -y, width - x, height - y)._counts
        return self._made(
            rle.union(put._counts, rle.difference(onto._counts, covered)), (height, width)
        )

    def translate(self, dx: float, dy: float = 0.0) -> Self:
        """Move the pixels on their canvas; those that leave it are cut away.

        Parameters
        ----------
        dx, dy : float
            To the right and down, in pixels. Of a fraction each new pixel takes the one that its
            middle comes from; see `shift` for whole pixels only.
        """
        # New column c takes the old one that c + 0.5 - dx lies in: floor(c + 0.5 - dx).
        x = -math.floor(0.5 - number(dx, "translate: dx"))
        y = -math.floor(0.5 - number(dy, "translate: dy"))
        return self._window(-x, -y, self._width - x, self._height - y)

    def shift(self, dx: int, dy: int) -> Self:
        """Move the pixels by whole numbers, to the right and down; what leaves is cut away.

        Raises
        ------
        GeometryError
            If a number is not whole.
        """
        return self.translate(whole_pixels(dx, "shift: dx"), whole_pixels(dy, "shift: dy"))

    def flip(self, direction: str = "horizontal", *, size: Size | None = None) -> Self:
        """Mirror the mask within its image.

        Parameters
        ----------
        direction : {"horizontal", "vertical", "both"}
            Exchange left and right, top and bottom, or both.
        size : tuple of int, optional
            (width, height) of the image; that of the mask, which is taken if None.

        Raises
        ------
        UsageError
            If the direction is another one, or the size another than that of the mask.
        """
        from dlgeom.geometry import rle_grid

        self._own_size(size, "flip")
        if direction not in ("horizontal", "vertical", "both"):
            raise UsageError(
                f"flip: direction is {direction!r}; it is 'horizontal' (left and right), "
                "'vertical' (top and bottom) or 'both'"
            )
        return self._made(
            rle_grid.flip(
                self._counts,
                (self._height, self._width),
                horizontal=direction != "vertical",
                vertical=direction != "horizontal",
            )
        )

    def rot90(self, k: int = 1, *, size: Size | None = None) -> Self:
        """Turn the mask and its image by k quarters, counter-clockwise on screen.

        As `numpy.rot90` turns an array; height and width change places where k is odd.

        Parameters
        ----------
        k : int, default 1
            Number of quarter turns; negative ones are clockwise.
        size : tuple of int, optional
            As for `flip`.

        Raises
        ------
        UsageError
            If k is not a whole number, or the size another than that of the mask.
        """
        from dlgeom.geometry import rle_grid

        self._own_size(size, "rot90")
        if isinstance(k, bool) or not isinstance(k, int | np.integer):
            raise UsageError(f"rot90: k is {k!r}; it counts quarter turns, a whole number")
        shape = self._height, self._width
        counts = rle_grid.rot90(self._counts, shape, int(k))
        return self._made(counts, shape[::-1] if k % 2 else shape)

    def resize(self, to: Size, *, size: Size | None = None) -> Self:
        """Scale the mask and its image by nearest neighbour.

        Parameters
        ----------
        to : tuple of int
            New (width, height) in pixels: that of the image, as everywhere where it says size.
        size : tuple of int, optional
            As for `flip`.

        Returns
        -------
        Segmentation
            Its row i is the row ``((2 * i + 1) * height) // (2 * new_height)`` of the mask, the
            one that holds the middle of row i, exactly; columns likewise.

        Raises
        ------
        GeometryError
            If the new size is not two whole numbers > 0.
        UsageError
            If `size` is another than that of the mask.
        """
        from dlgeom.geometry import rle_grid

        self._own_size(size, "resize")
        try:
            width, height = to
        except (TypeError, ValueError):
            width = height = None  # type: ignore[assignment]
        try:
            shape = mask_shape((height, width), "resize")
        except GeometryError as error:
            raise GeometryError(
                f"resize: to is {to!r}; it is the new (width, height) in whole pixels, both > 0"
            ) from error
        return self._made(rle_grid.resize(self._counts, (self._height, self._width), shape), shape)
