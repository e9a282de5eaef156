"""Contact sheets: all pictures of a data set, small, with their names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.rendering.one import THUMBNAIL, encoded

__all__ = ["ContactSheet"]

Pixels = NDArray[np.uint8]

COLUMNS, ROWS = 8, 12
GAP, LINE = 8, 18
GROUND = 250


class ContactSheet:
    """Collects small pictures into pages; a page is let go when it is full."""

    def __init__(self) -> None:
        self._cells: list[tuple[Any, str]] = []
        self.pages = 0

    def add(self, thumbnail: Pixels, name: str) -> bytes | None:
        """Add a picture; return a page as PNG where it became full."""
        self._cells.append((thumbnail, name))
        return self.page() if len(self._cells) == COLUMNS * ROWS else None

    def page(self) -> bytes | None:
        """Return what is there as a page, and begin a new one; None if nothing is there."""
        if not self._cells:
            return None
        columns = min(COLUMNS, len(self._cells))
        rows = -(-len(self._cells) // columns)
        step = THUMBNAIL + GAP
        height, width = rows * (step + LINE) + GAP, columns * step + GAP
        sheet = np.full((height, width, 3), GROUND, dtype=np.uint8)
        for place, (picture, name) in enumerate(self._cells):
            row, column = divmod(place, columns)
            left, top = GAP + column * step, GAP + row * (step + LINE)
            x = left + (THUMBNAIL - picture.shape[1]) // 2
            y = top + (THUMBNAIL - picture.shape[0]) // 2
            sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
            _write(sheet, name, left, top + THUMBNAIL + 2)
        self._cells = []
        self.pages += 1
        return encoded(sheet, ".png")


def _write(sheet: Pixels, name: str, left: int, top: int) -> None:
    """Write a name below its picture; the end of it where it is too long, which tells more."""
    from dlgeom.render.text import text_image

    size = LINE - 6
    cover = text_image(name, size)
    if cover.shape[1] > THUMBNAIL:
        low, high = 1, len(name)
        while low < high:
            middle = (low + high) // 2
            fits = text_image("\N{HORIZONTAL ELLIPSIS}" + name[middle:], size).shape[1] <= THUMBNAIL
            low, high = (low, middle) if fits else (middle + 1, high)
        cover = text_image("\N{HORIZONTAL ELLIPSIS}" + name[low:], size)
    cover = cover[:LINE, :THUMBNAIL]
    place = sheet[top : top + cover.shape[0], left : left + cover.shape[1]]
    share = (cover[: place.shape[0]].astype(np.float32) / 255)[..., None]
    place[:] = np.rint(place * (1 - share) + 40 * share).astype(np.uint8)
