"""Masks to rings, along pixel edges.

The outline of a mask runs along the edges of its pixels, so that filling it gives the mask back
pixel for pixel, whatever the mask: holes, islands in holes, single pixels, lines one pixel wide,
pixels that touch at a corner. Rings turn at such corners and so are simple: each part (an
exterior with its holes) is a valid polygon. A part is a 4-connected piece of the mask; instances
(`components`, `component_bounds`) are 8-connected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry._components import grouped
from dlgeom.geometry._cracks import (
    Cracks,
    Pieces,
    follow,
    follow_both,
    pieces_of_mask,
    pieces_of_runs,
)
from dlgeom.geometry.ragged import Rings, gather, offsets_of

__all__ = [
    "center_outline",
    "component_bounds",
    "components",
    "trace",
    "trace_components",
    "trace_components_runs",
    "trace_in_batches",
    "trace_runs",
]

BATCH = 1 << 16
"""Runs of a mask up to which it is outlined in one go."""


def trace(mask: NDArray[Any], left: float = 0, top: float = 0) -> Rings:
    """Outline the set pixels of a mask along pixel edges.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask, or a crop of it; other types count as set where not 0.
    left, top : float, default 0
        Where the crop lies in its image, in pixels; added to the vertices.

    Returns
    -------
    Rings
        One row: its parts in the order of their topmost, then leftmost edge; none for an empty
        mask. Vertices lie only where the outline turns. Exteriors run clockwise on screen,
        holes the other way, each ring from its topmost edge.

    Raises
    ------
    GeometryError
        If `mask` is not two-dimensional.

    Examples
    --------
    >>> import numpy as np
    >>> outline = trace(np.array([[0, 1, 1], [0, 0, 0]]), left=10)
    >>> outline.xy.tolist()
    [[11.0, 0.0], [13.0, 0.0], [13.0, 1.0], [11.0, 1.0]]
    """
    pieces, height = pieces_of_mask(np.asarray(mask))
    outline = _one_row(follow(pieces, height, diagonal=False))
    if left == 0 and top == 0:
        return outline
    shifted = outline.xy + np.array([left, top], dtype=np.float64)
    return Rings(shifted, outline.rings, outline.parts, outline.rows)


def trace_runs(counts: NDArray[np.uint32], shape: tuple[int, int]) -> Rings:
    """Outline a mask given as run lengths; equal to `trace` of the mask, without making it.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        COCO counts: run lengths column by column, zeros first.
    shape : tuple of int
        Height and width of the mask.

    Returns
    -------
    Rings
        One row, as from `trace`.

    Raises
    ------
    GeometryError
        If the counts do not add up to height * width.
    """
    return _one_row(follow(pieces_of_runs(counts, shape), int(shape[0]), diagonal=False))


def _one_row(cracks: Cracks) -> Rings:
    """Sort paths into parts: each exterior, then its holes."""
    rank = np.zeros(len(cracks.owner), dtype=np.int64)
    return _rows(cracks, rank, 1)


def _rows(cracks: Cracks, rank: NDArray[np.int64], rows: int) -> Rings:
    """Sort paths into rows by their rank, and into parts there: each exterior, then its holes."""
    if len(cracks.owner) == 0:
        return Rings.empty(rows)
    xy, offsets, owner = cracks.xy, cracks.offsets, cracks.owner
    sorted_already = bool((owner[1:] >= owner[:-1]).all()) and not (rank[1:] < rank[:-1]).any()
    if not sorted_already:
        order = np.lexsort((owner, rank))
        index, offsets = gather(offsets, order)
        xy, owner, rank = xy[index], owner[order], rank[order]
    firsts = np.flatnonzero(np.diff(owner, prepend=-1))
    parts = np.append(firsts, len(owner))
    return Rings(xy, offsets, parts, offsets_of(np.bincount(rank[firsts], minlength=rows)))


def trace_components(mask: NDArray[Any]) -> Rings:
    """Outline each 8-connected component of a mask, a row each.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask; other types count as set where not 0.

    Returns
    -------
    Rings
        A row for each component in the order of `components`: the parts of the row are those of
        `trace` that belong to it.

    Raises
    ------
    GeometryError
        If `mask` is not two-dimensional.
    """
    return _by_component(*pieces_of_mask(np.asarray(mask)))


def trace_components_runs(counts: NDArray[np.uint32], shape: tuple[int, int]) -> Rings:
    """Outline each 8-connected component of a mask given as run lengths, without making it.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        COCO counts: run lengths column by column, zeros first.
    shape : tuple of int
        Height and width of the mask.

    Returns
    -------
    Rings
        As from `trace_components`.

    Raises
    ------
    GeometryError
        If the counts do not add up to height * width.
    """
    batches = list(trace_in_batches(counts, shape))
    return batches[0] if len(batches) == 1 else Rings.concat(batches)


def trace_in_batches(
    counts: NDArray[np.uint32], shape: tuple[int, int], *, min_area: float = 0
) -> Iterator[Rings]:
    """Outline each 8-connected component of a mask, some of them at a time.

    Parameters
    ----------
    counts, shape
        As for `trace_components_runs`.
    min_area : float, default 0
        Components with fewer pixels are left out.

    Yields
    ------
    Rings
        A row for each component, in the order of `components` over all batches. What is needed
        besides the result grows with the largest component and `BATCH`, not with the mask.

    Raises
    ------
    GeometryError
        If the counts do not add up to height * width.
    """
    pieces, height = pieces_of_runs(counts, shape), int(shape[0])
    if len(pieces.left) <= BATCH and min_area <= 1:
        yield _by_component(pieces, height)
        return
    groups = grouped(pieces, height, 8)
    # Areas fall, so that those which are large enough come first.
    count = int(np.searchsorted(-groups.areas, -min_area, side="right"))
    first = 0
    while first < count:
        # As many components as together have no more pieces than a batch, but at least one.
        most = int(groups.offsets[first]) + BATCH
        last = max(int(np.searchsorted(groups.offsets, most, side="right")) - 1, first + 1)
        last = min(last, count)
        some = np.sort(groups.order[groups.offsets[first] : groups.offsets[last]])
        batch = Pieces(*(side[some] for side in pieces))
        if last == first + 1:
            yield _one_row(follow(batch, height, diagonal=False))
        else:
            yield _by_component(batch, height)
        first = last


def _by_component(pieces: Pieces, height: int) -> Rings:
    cracks, component, pixels = follow_both(pieces, height)
    rank = np.empty(len(pixels), dtype=np.int64)
    rank[np.argsort(-pixels, kind="stable")] = np.arange(len(pixels))
    return _rows(cracks, rank[component], len(pixels))


def components(mask: NDArray[Any]) -> list[tuple[NDArray[np.bool_], int, int]]:
    """Split a mask into its 8-connected components.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask or a crop of it; other types count as set where not 0.

    Returns
    -------
    list of (ndarray of bool, int, int)
        The pixels of each component cropped to its bounds, with left and top of the crop; most
        pixels first, equal ones in the order of their first pixel row by row.

    Raises
    ------
    GeometryError
        If `mask` is not two-dimensional.
    """
    dense = np.asarray(mask)
    if dense.ndim != 2:
        raise GeometryError(f"mask has shape {dense.shape}; expected (height, width)")
    if dense.size == 0:
        return []
    import cv2

    image = np.ascontiguousarray(dense != 0).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(image, connectivity=8)
    found = []
    for label, (left, top, width, height, area) in enumerate(stats[1:].tolist(), start=1):
        crop = labels[top : top + height, left : left + width] == label
        found.append((-area, top, left + int(crop[0].argmax()), crop, left, top))
    found.sort(key=lambda entry: entry[:3])
    return [entry[3:] for entry in found]


def component_bounds(counts: NDArray[np.uint32], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return the bounds of the 8-connected components of a mask given as run lengths.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        COCO counts: run lengths column by column, zeros first.
    shape : tuple of int
        Height and width of the mask.

    Returns
    -------
    ndarray of int64, shape (K, 4)
        Left, top, right, bottom (exclusive) of each component, in the order of `components`.

    Raises
    ------
    GeometryError
        If the counts do not add up to height * width.
    """
    pieces = pieces_of_runs(counts, shape)
    groups = grouped(pieces, int(shape[0]), 8)
    if not len(groups.areas):
        return np.zeros((0, 4), dtype=np.int64)
    begins = groups.offsets[:-1]
    sides = (
        np.minimum.reduceat(pieces.left[groups.order], begins),
        np.minimum.reduceat(pieces.top[groups.order], begins),
        np.maximum.reduceat(pieces.right[groups.order], begins),
        np.maximum.reduceat(pieces.bottom[groups.order], begins),
    )
    return np.stack(sides, axis=1)


def center_outline(mask: NDArray[Any]) -> list[NDArray[np.float64]]:
    """Outline a mask through the centres of its border pixels, as OpenCV does.

    Coordinates are pixel indexes. Filling these rings does not give the mask back, holes are
    left out and thin pieces have fewer than three vertices: this is for comparing with numbers
    made by ``cv2.findContours``; everything else is better off with `trace`.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask; other types count as set where not 0.

    Returns
    -------
    list of ndarray of float64, shape (n, 2)
        The outer rings (``RETR_EXTERNAL``, ``CHAIN_APPROX_SIMPLE``) in OpenCV's order.

    Raises
    ------
    GeometryError
        If `mask` is not two-dimensional.
    """
    dense = np.asarray(mask)
    if dense.ndim != 2:
        raise GeometryError(f"mask has shape {dense.shape}; expected (height, width)")
    if dense.size == 0:
        return []
    import cv2

    image = np.ascontiguousarray(dense != 0).view(np.uint8)
    found, _ = cv2.findContours(image, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [np.asarray(ring, dtype=np.float64).reshape(-1, 2) for ring in found]
