"""A legend: which colour is which label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dlgeom.colors import Color
from dlgeom.render.text import text_image

__all__ = ["legend_image", "legend_place"]

Pixels = NDArray[np.uint8]
PAPER, INK, FRAME = 255, 25, 120


def legend_image(entries: Mapping[str, Color], size: int, room: tuple[int, int]) -> Pixels | None:
    """Return a legend, RGB of shape (h, w, 3).

    Parameters
    ----------
    entries : mapping of str to colour
        In the order in which they are listed.
    size : int
        Height of the font in pixels.
    room : tuple of int
        (width, height) in pixels that it may have; rows that do not fit are counted in the last
        one.

    Returns
    -------
    ndarray or None
        None where not even one row fits.
    """
    pad, row = max(2, size // 3), size + max(4, size // 2)
    rows = min(len(entries), (room[1] - 2 * pad) // row)
    if rows < 1 or room[0] < 4 * size:
        return None
    listed = list(entries.items())
    left_out = len(listed) - rows
    if left_out:
        listed = listed[: rows - 1]
    texts = [text_image(name, size) for name, _ in listed]
    if left_out:
        texts.append(text_image(f"+ {len(entries) - len(listed)} more", size))
    wide = min(room[0], 3 * pad + size + max(text.shape[1] for text in texts))
    image = np.full((2 * pad + rows * row, wide, 3), PAPER, dtype=np.uint8)
    for k, text in enumerate(texts):
        top = pad + k * row
        if k < len(listed):
            high = top + (row - size) // 2
            image[high : high + size, pad : pad + size] = INK
            image[high + 1 : high + size - 1, pad + 1 : pad + size - 1] = listed[k][1]
        text = text[:row, : wide - 3 * pad - size]
        below = top + (row - text.shape[0]) // 2
        place = image[below : below + text.shape[0], 2 * pad + size :][:, : text.shape[1]]
        cover = text[: place.shape[0], :, None].astype(np.float32) / 255
        place[:] = np.rint(PAPER + (INK - PAPER) * cover)
    image[[0, -1]] = FRAME
    image[:, [0, -1]] = FRAME
    return image


def legend_place(
    shape: tuple[int, int], size: tuple[int, int], bounds: NDArray[np.float64], margin: int
) -> tuple[int, int]:
    """Return left and top of a legend: in the corner where it covers least.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the picture.
    size : tuple of int
        (width, height) of the legend.
    bounds : ndarray of float64, shape (N, 4)
        What is better not covered.
    margin : int
        Pixels to the edges of the picture.
    """
    right, bottom = shape[1] - size[0] - margin, shape[0] - size[1] - margin
    corners: Sequence[tuple[int, int]] = (
        (right, margin), (right, bottom), (margin, bottom), (margin, margin),
    )  # fmt: skip
    best, least = (0, 0), np.inf
    for left, top in corners:
        left, top = max(left, 0), max(top, 0)
        low = np.maximum(bounds[:, :2], (left, top))
        high = np.minimum(bounds[:, 2:], (left + size[0], top + size[1]))
        covered = float(np.clip(high - low, 0, None).prod(axis=1).sum())
        if covered < least:
            best, least = (left, top), covered
    return best
