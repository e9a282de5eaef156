"""Pictures of the difference of two masks, as text that fits a terminal.

Everything works on run lengths: a mask of 60,000 x 50,000 pixels costs what its runs cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry import rle

__all__ = ["LEGEND", "blocks_of_array", "blocks_of_runs", "picture"]

Counts = NDArray[np.uint32]
Shape = tuple[int, int]
Window = tuple[int, int, int, int]
Grid = NDArray[np.bool_]

COLUMNS, LINES = 72, 30
"""Most characters of a picture: across and down."""
MARGIN = 2
"""Pixels shown around the difference, where there is room."""

LEGEND = {
    "x": "several kinds of difference",
    "+": "only in actual",
    "-": "only in expected",
    "!": "another value",
    "#": "set in both",
    ".": "set in neither",
}


def blocks_of_runs(counts: Counts, shape: Shape, window: Window, step: tuple[int, int]) -> Grid:
    """Tell which blocks of pixels hold a set one.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths, column by column, zeros first.
    shape : tuple of int
        (height, width) of the mask.
    window : tuple of int
        Left, top, right, bottom of what is looked at, in pixels.
    step : tuple of int
        Width and height of a block in pixels; those at right and bottom may be smaller.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    left, top, right, bottom = window
    height = shape[0]
    across, down = -(-(right - left) // step[0]), -(-(bottom - top) // step[1])
    ends = np.cumsum(counts, dtype=np.int64)
    pairs = len(ends) // 2
    starts = np.maximum(ends[0 : 2 * pairs : 2], left * height)
    stops = np.minimum(ends[1 : 2 * pairs : 2], right * height)
    some = starts < stops
    starts, stops = starts[some], stops[some]
    # A run may go on in the next columns: one piece for each of them.
    first, last = starts // height, (stops - 1) // height
    pieces = last - first + 1
    run = np.repeat(np.arange(len(starts)), pieces)
    column = first[run] + np.arange(len(run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    low = np.maximum(np.where(column == first[run], starts[run] - column * height, 0), top)
    high = np.where(column == last[run], stops[run] - column * height, height)
    high = np.minimum(high, bottom)
    some = low < high
    column, low, high = column[some] - left, low[some] - top, high[some] - top
    # Each piece covers blocks from..to of one column of blocks.
    covered = np.zeros((down + 1, across), dtype=np.int64)
    np.add.at(covered, (low // step[1], column // step[0]), 1)
    np.add.at(covered, ((high - 1) // step[1] + 1, column // step[0]), -1)
    return np.asarray(np.cumsum(covered, axis=0)[:down] > 0)


def blocks_of_array(mask: Grid, window: Window, step: tuple[int, int]) -> Grid:
    """Tell which blocks of pixels hold a set one; as `blocks_of_runs`, of a dense mask."""
    left, top, right, bottom = window
    crop = mask[top:bottom, left:right]
    rows = np.logical_or.reduceat(crop, np.arange(0, bottom - top, step[1]), axis=0)
    return np.asarray(np.logical_or.reduceat(rows, np.arange(0, right - left, step[0]), axis=1))


def _window(bounds: Sequence[int], shape: Shape) -> tuple[Window, tuple[int, int]]:
    """Return what to show of a difference, and how many pixels go into a character."""
    left, top, right, bottom = bounds
    window = (
        max(left - MARGIN, 0),
        max(top - MARGIN, 0),
        min(right + MARGIN, shape[1]),
        min(bottom + MARGIN, shape[0]),
    )
    width, height = window[2] - window[0], window[3] - window[1]
    if width <= COLUMNS and height <= LINES:
        return window, (1, 1)
    across, down = -(-width // COLUMNS), -(-height // LINES)
    if across > 1 and down > 1:
        # Characters are about twice as high as wide; what is narrow keeps its detail.
        across = max(across, -(-height // (2 * LINES)))
        down = 2 * across
    return window, (across, down)


def picture(
    bounds: Sequence[int],
    shape: Shape,
    layers: dict[str, Callable[[Window, tuple[int, int]], Grid]],
) -> str:
    """Draw the part of two masks in which they differ.

    Parameters
    ----------
    bounds : sequence of int
        Left, top, right, bottom of the difference, in pixels.
    shape : tuple of int
        (height, width) of the masks.
    layers : dict of str to function
        For each character of `LEGEND`, but ``x`` and ``.``, what tells its blocks from window
        and step.
    """
    window, step = _window(bounds, shape)
    grids = {mark: layer(window, step) for mark, layer in layers.items()}
    rows, columns = next(iter(grids.values())).shape
    cells = np.full((rows, columns), ".")
    if "#" in grids:
        cells[grids.pop("#")] = "#"
    kinds = np.zeros((rows, columns), dtype=np.int64)
    for mark, grid in grids.items():
        cells[grid] = mark
        kinds += grid
    cells[kinds > 1] = "x"
    numbers = [str(window[1] + row * step[1]) for row in range(rows)]
    wide = max(map(len, numbers))
    ruler, ticks = _ruler(window[0], columns, step[0])
    lines = [" " * (wide + 2) + ruler, " " * (wide + 2) + ticks]
    lines += [
        f"{number:>{wide}}  {''.join(row)}" for number, row in zip(numbers, cells, strict=True)
    ]
    shown = set(cells.ravel().tolist())
    lines.append(", ".join(f"{mark} {what}" for mark, what in LEGEND.items() if mark in shown))
    if step != (1, 1):
        lines.append(
            f"one character stands for {step[0]} x {step[1]} pixels (width x height), a "
            "difference in any of them shows"
        )
    return "\n".join(line.rstrip() for line in lines)


def _ruler(left: int, columns: int, step: int) -> tuple[str, str]:
    """Return the numbers of every tenth column, and marks below them."""
    numbers = ticks = ""
    for cell in range(0, columns, 10):
        text = str(left + cell * step)
        numbers = numbers.ljust(cell) + text if len(numbers) <= cell - bool(cell) else numbers
        ticks = ticks.ljust(cell) + "|"
    return numbers, ticks


def runs_layer(counts: Counts, shape: Shape) -> Callable[[Window, tuple[int, int]], Grid]:
    """Return the blocks of run lengths as a layer of `picture`."""
    return lambda window, step: blocks_of_runs(counts, shape, window, step)


def array_layer(mask: Grid) -> Callable[[Window, tuple[int, int]], Grid]:
    """Return the blocks of a dense mask as a layer of `picture`."""
    return lambda window, step: blocks_of_array(mask, window, step)


def extent(counts: Counts, shape: Shape) -> str:
    """Say how large a mask is and where it lies."""
    left, top, right, bottom = rle.bounds(counts, shape)
    area = rle.area(counts)
    if not area:
        return "0 px"
    return f"{area:,} px, left {left}, top {top}, right {right}, bottom {bottom}"
