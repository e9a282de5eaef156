"""Strategies for masks as arrays and as run lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlgeom.errors import UsageError
from dlgeom.geometry import rle
from dlgeom.testing.strategies.knobs import HUGE, HUGE_SIZE
from dlgeom.testing.strategies.numbers import image_shapes

__all__ = ["counts_lists", "huge_runs", "id_masks", "mask_pairs", "masks", "runs"]

Mask = NDArray[np.bool_]
Shape = tuple[int, int]
Runs = tuple[NDArray[np.uint32], Shape]

KINDS = ("blocks", "noise", "lines", "frames", "checker", "full", "pixel")


@st.composite
def _noise(draw: st.DrawFn, shape: Shape) -> Mask:
    """Salt and pepper: dense, sparse or even."""
    size = shape[0] * shape[1]

    def bits() -> Mask:
        length = -(-size // 8)
        data = np.frombuffer(draw(st.binary(min_size=length, max_size=length)), dtype=np.uint8)
        return np.unpackbits(data)[:size].astype(bool).reshape(shape)

    mix = draw(st.sampled_from(["even", "sparse", "dense"]))
    if mix == "sparse":
        return bits() & bits()
    if mix == "dense":
        return bits() | bits()
    return bits()


@st.composite
def _blocks(draw: st.DrawFn, shape: Shape) -> Mask:
    """XOR of a few rectangles: holes, islands in holes, touching corners, thin lines."""
    mask = np.zeros(shape, dtype=bool)
    for _ in range(draw(st.integers(1, 6))):
        top, left = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
        bottom = draw(st.integers(top + 1, shape[0]))
        right = draw(st.integers(left + 1, shape[1]))
        mask[top:bottom, left:right] ^= True
    return mask


@st.composite
def _lines(draw: st.DrawFn, shape: Shape) -> Mask:
    """One-pixel-wide rows, columns and diagonals."""
    mask = np.zeros(shape, dtype=bool)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["row", "column", "down", "up"]))
        if kind == "row":
            mask[draw(st.integers(0, shape[0] - 1))] = True
        elif kind == "column":
            mask[:, draw(st.integers(0, shape[1] - 1))] = True
        else:
            steps = np.arange(min(shape))
            rows = steps if kind == "down" else shape[0] - 1 - steps
            mask[rows, steps] = True
    return mask


def _frames(shape: Shape) -> Mask:
    """Nested frames: a hole with an island with a hole, as deep as the size allows."""
    rows, columns = np.indices(shape)
    depth = np.minimum(
        np.minimum(rows, shape[0] - 1 - rows), np.minimum(columns, shape[1] - 1 - columns)
    )
    return np.asarray(depth % 2 == 0)


def _checker(shape: Shape) -> Mask:
    """Pixels that touch at corners only."""
    return np.asarray(np.indices(shape).sum(axis=0) % 2 == 0)


def _of_kind(draw: st.DrawFn, kind: str, shape: Shape) -> Mask:
    if kind == "noise":
        return draw(_noise(shape))
    if kind == "blocks":
        return draw(_blocks(shape))
    if kind == "lines":
        return draw(_lines(shape))
    if kind == "frames":
        return _frames(shape)
    if kind == "checker":
        return _checker(shape)
    return np.full(shape, kind == "full", dtype=bool)


@st.composite
def masks(
    draw: st.DrawFn,
    max_side: int = 24,
    *,
    shape: Shape | None = None,
    allow_empty: bool = True,
    holes: bool | None = None,
) -> Mask:
    """Draw a bool mask of shape (H, W).

    Rectangles on top of each other, noise, lines of one pixel, nested frames, checkers, full and
    empty ones, single pixels.

    Parameters
    ----------
    max_side : int
        Largest height and width in pixels.
    shape : tuple of int, optional
        (height, width); any if not given.
    allow_empty : bool, default True
        Whether it may be without a pixel.
    holes : bool or None, default None
        Whether pixels that are not set are enclosed by set ones: always, never, or both. An
        enclosed region touches no border and is told by its 4-neighbours.

    Raises
    ------
    UsageError
        If a hole is asked for and does not fit.
    """
    least = 3 if holes else 1
    if (max_side if shape is None else min(shape)) < least:
        raise UsageError("a mask with a hole has at least 3 x 3 pixels; take a larger shape")
    side = st.integers(least, max_side)
    size = shape if shape is not None else draw(st.tuples(side, side))
    kinds = ["empty", *KINDS] if allow_empty and not holes else [*KINDS]
    mask = _of_kind(draw, kind := draw(st.sampled_from(kinds)), size)
    if kind == "pixel" or (not allow_empty and not mask.any()):
        mask[draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1))] = True
    if holes is False:
        mask |= _enclosed(mask)
    elif holes and not _enclosed(mask).any():
        row, column = draw(st.integers(1, size[0] - 2)), draw(st.integers(1, size[1] - 2))
        mask[row - 1 : row + 2, column - 1 : column + 2] = True
        mask[row, column] = False
    return mask


def _enclosed(mask: Mask) -> Mask:
    """Return the pixels that are not set and cannot be reached from outside."""
    free = np.pad(~mask, 1, constant_values=True)
    reached = np.zeros_like(free)
    reached[0, 0] = True
    count = -1
    while (now := int(np.count_nonzero(reached))) != count:
        count = now
        grown = reached.copy()
        grown[1:] |= reached[:-1]
        grown[:-1] |= reached[1:]
        grown[:, 1:] |= reached[:, :-1]
        grown[:, :-1] |= reached[:, 1:]
        reached = grown & free
    return np.asarray((free & ~reached)[1:-1, 1:-1])


@st.composite
def mask_pairs(draw: st.DrawFn, max_side: int = 24) -> tuple[Mask, Mask]:
    """Draw two masks of one shape."""
    shape = draw(image_shapes(max_side))
    return draw(masks(shape=shape)), draw(masks(shape=shape))


@st.composite
def id_masks(
    draw: st.DrawFn, max_side: int = 24, *, shape: Shape | None = None, max_id: int = 5
) -> NDArray[np.int32]:
    """Draw an integer mask of shape (H, W): ids in [0, max_id], 0 is the background."""
    size = draw(image_shapes(max_side)) if shape is None else shape
    ids = np.zeros(size, dtype=np.int32)
    for _ in range(draw(st.integers(0, 4))):
        ids[draw(masks(shape=size))] = draw(st.integers(0, max_id))
    return ids


@st.composite
def counts_lists(draw: st.DrawFn, max_side: int = 24) -> tuple[list[int], Shape]:
    """Draw legal run lengths, zero runs inside included, and their (height, width)."""
    height, width = draw(image_shapes(max_side))
    size = height * width
    cuts = sorted(draw(st.lists(st.integers(0, size), max_size=12)))
    return np.diff([0, *cuts, size]).tolist(), (height, width)


@st.composite
def runs(
    draw: st.DrawFn,
    max_side: int = 24,
    *,
    shape: Shape | None = None,
    allow_empty: bool = True,
    holes: bool | None = None,
    canonical: bool = True,
) -> Runs:
    """Draw run lengths (uint32, column by column, zeros first) and their (height, width).

    Parameters
    ----------
    max_side, shape, allow_empty, holes
        As for `masks`.
    canonical : bool, default True
        False draws zero runs inside and at the end as well, which are legal.
    """
    mask = draw(masks(max_side, shape=shape, allow_empty=allow_empty, holes=holes))
    counts = rle.encode(mask)
    if not canonical and draw(st.booleans()):
        counts = np.concatenate([counts, np.zeros(2, dtype=counts.dtype)])
        if draw(st.booleans()):
            where = draw(st.integers(0, len(counts) - 1))
            counts = np.insert(counts, where, np.zeros(2, dtype=counts.dtype))
    height, width = mask.shape
    return counts, (height, width)


def _rectangle(left: int, top: int, right: int, bottom: int, shape: Shape) -> Any:
    """Return the run lengths of a rectangle that is not empty."""
    columns = np.arange(left, right, dtype=np.int64) * shape[0]
    flips = np.column_stack((columns + top, columns + bottom)).ravel()
    return rle.from_flips(flips, shape[0] * shape[1])


@st.composite
def huge_runs(
    draw: st.DrawFn,
    *,
    size: tuple[int, int] = HUGE_SIZE,
    low: int = int(HUGE),
    holes: bool | None = None,
) -> Runs:
    """Draw run lengths of a huge mask that is not empty, and its (height, width).

    A few rectangles on top of each other, from a pixel to all of what lies beyond `low`.

    Parameters
    ----------
    size : tuple of int
        (width, height) in pixels.
    low : int
        All set pixels lie at columns and rows from here on.
    holes : bool or None, default None
        As for `masks`.
    """
    width, height = size
    shape = (height, width)

    def rectangle(least: int = 1) -> tuple[int, int, int, int]:
        left = draw(st.integers(low, width - least))
        top = draw(st.integers(low, height - least))
        # Mostly narrow: each column is a run of its own, unless it is as high as the image.
        most = draw(st.sampled_from([64, 64, 64, width]))
        right = draw(st.integers(left + least, min(width, left + most)))
        return left, top, right, draw(st.integers(top + least, height))

    left, top, right, bottom = rectangle(3 if holes else 1)
    counts = _rectangle(left, top, right, bottom, shape)
    if holes:
        x, y = draw(st.integers(left + 1, right - 2)), draw(st.integers(top + 1, bottom - 2))
        return rle.xor(counts, _rectangle(x, y, x + 1, y + 1, shape)), shape
    if holes is None:
        for _ in range(draw(st.integers(0, 3))):
            other = _rectangle(*rectangle(), shape)
            both = rle.xor(counts, other)
            counts = both if len(both) > 1 else counts
    return counts, shape
