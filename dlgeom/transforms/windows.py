"""Windows that cover a large image."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dlgeom.errors import UsageError
from dlgeom.transforms.affine import Affine
from dlgeom.transforms.value import checked_size

__all__ = ["Window", "tiles"]

Size = tuple[int, int]
LAST = ("align", "pad", "cut")


class Window(NamedTuple):
    """A window of an image, edges in whole pixels, exclusive at right and bottom.

    ``image[window.top : window.bottom, window.left : window.right]`` are its pixels, where it
    does not leave the image; `transform` moves anything into it.
    """

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        """(width, height) in pixels."""
        return self.right - self.left, self.bottom - self.top

    def transform(self, size: Size | None = None) -> Affine:
        """Return the crop to this window, of an image of `size` (width, height)."""
        return Affine.crop(*self, size=size)


def tiles(
    size: Size, tile: int | Size, overlap: int | Size = 0, *, last: str = "align"
) -> list[Window]:
    """Return windows that cover an image, row by row.

    Parameters
    ----------
    size : tuple of int
        (width, height) of the image.
    tile : int or tuple of int
        (width, height) of a window; one number is both.
    overlap : int or tuple of int, default 0
        Pixels along x and y that neighbours share.
    last : {"align", "pad", "cut"}
        What becomes of the last window of a row or column that would leave the image.
        ``align``: it moves back, and shares more. ``pad``: it stays and leaves the image, so
        that `image` fills it up. ``cut``: it ends with the image. An image smaller than a window
        gives one window, as large as the image unless padded.

    Raises
    ------
    UsageError
        If a size is none, or the overlap is not from 0 to less than the window.

    Examples
    --------
    >>> [tuple(window) for window in tiles((100, 50), 60, 10)]
    [(0, 0, 60, 50), (40, 0, 100, 50)]
    """
    width, height = checked_size(size, "tiles: size")
    wide, high = checked_size((tile, tile) if np.ndim(tile) == 0 else tile, "tiles: tile")
    if last not in LAST:
        raise UsageError(f"tiles: last is {last!r}; it is one of {', '.join(map(repr, LAST))}")
    shared: Any = (overlap, overlap) if np.ndim(overlap) == 0 else overlap
    try:
        across, down = (int(value) for value in shared)
        exact = (across, down) == tuple(shared)
    except (TypeError, ValueError):
        exact = False
    if not exact or not (0 <= across < wide and 0 <= down < high):
        raise UsageError(
            f"tiles: overlap is {overlap!r}; it is whole pixels from 0 to less than the window "
            f"{(wide, high)}"
        )
    rows = _starts(height, high, down, last)
    columns = _starts(width, wide, across, last)
    return [Window(left, top, right, bottom) for top, bottom in rows for left, right in columns]


def _starts(length: int, tile: int, overlap: int, last: str) -> list[tuple[int, int]]:
    """Return first and last-plus-one pixel of the windows along one axis."""
    found = [(0, tile)]
    while found[-1][1] < length:
        start = found[-1][0] + tile - overlap
        found.append((start, start + tile))
    start, end = found[-1]
    if last == "align":
        found[-1] = (max(length - tile, 0), length)
    elif last == "cut":
        found[-1] = (start, min(end, length))
    return found
