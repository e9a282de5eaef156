"""What masks do on their runs, on masks of the shared folder, against dense masks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import real_shapes
from numpy.typing import NDArray
from scipy import ndimage
from skimage import morphology

from dlgeom.geometry import rle, rle_grid, rle_morphology, rle_regions

pytestmark = pytest.mark.shared

Mask = NDArray[np.bool_]
EVERY = 16  # one of so many: all of them take minutes
DISCS = {radius: morphology.disk(radius) for radius in (1, 4)}


def check_grids(counts: NDArray[np.uint32], mask: Mask) -> None:
    height, width = shape = mask.shape
    for k in range(4):
        assert np.array_equal(rle_grid.rot90(counts, shape, k), rle.encode(np.rot90(mask, k)))
    flipped = rle_grid.flip(counts, shape, horizontal=True)
    assert np.array_equal(flipped, rle.encode(mask[:, ::-1]))
    flipped = rle_grid.flip(counts, shape, vertical=True)
    assert np.array_equal(flipped, rle.encode(mask[::-1]))
    for high, wide in ((height // 2 + 1, width // 3 + 1), (height + 7, 2 * width)):
        rows = ((2 * np.arange(high) + 1) * height) // (2 * high)
        columns = ((2 * np.arange(wide) + 1) * width) // (2 * wide)
        resized = rle_grid.resize(counts, shape, (high, wide))
        assert np.array_equal(resized, rle.encode(mask[np.ix_(rows, columns)]))
    left, top = width // 3, height // 4
    seen = rle_grid.window(counts, shape, left, top, width + 5, height + 3)
    padded = np.pad(mask, ((0, 3), (0, 5)))
    assert np.array_equal(seen, rle.encode(padded[top:, left:]))


def check_sets(counts: NDArray[np.uint32], mask: Mask) -> None:
    height, width = mask.shape
    moved = rle_grid.window(counts, mask.shape, -3, 2, width - 3, height + 2)
    other = np.zeros_like(mask)
    other[: height - 2, 3:] = mask[2:, : width - 3]
    assert np.array_equal(moved, rle.encode(other))
    assert np.array_equal(rle.union(counts, moved), rle.encode(mask | other))
    assert np.array_equal(rle.intersection(counts, moved), rle.encode(mask & other))
    assert np.array_equal(rle.difference(counts, moved), rle.encode(mask & ~other))
    assert np.array_equal(rle.xor(counts, moved), rle.encode(mask ^ other))


def check_regions(counts: NDArray[np.uint32], mask: Mask) -> None:
    shape = mask.shape
    for connectivity in (4, 8):
        stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=connectivity)[
            2
        ][1:]
        parts = rle_regions.components(counts, shape, connectivity)
        areas = [rle.area(part) for part in parts]
        assert areas == sorted(stats[:, cv2.CC_STAT_AREA].tolist(), reverse=True)
        assert np.array_equal(rle.union_many(parts, mask.size), counts)
    filled = ndimage.binary_fill_holes(mask)
    assert np.array_equal(rle_regions.fill_holes(counts, shape), rle.encode(filled))
    if mask.any():
        rows, columns = np.nonzero(mask)
        expected = columns.mean() + 0.5, rows.mean() + 0.5
        assert rle_regions.centroid(counts, shape) == pytest.approx(expected, rel=1e-9)
    for radius, disc in DISCS.items():
        grown = cv2.dilate(mask.astype(np.uint8), disc)
        assert np.array_equal(rle_morphology.dilate(counts, shape, radius), rle.encode(grown))
        shrunk = cv2.erode(mask.astype(np.uint8), disc)
        assert np.array_equal(rle_morphology.erode(counts, shape, radius), rle.encode(shrunk))


def test_real_masks_are_moved_joined_and_parted_as_dense_ones(shared_data: Path) -> None:
    count = 0
    for number, (place, mask) in enumerate(real_shapes.masks(shared_data)):
        if number % EVERY:
            continue
        counts = rle.encode(mask)
        try:
            for check in (check_grids, check_sets, check_regions):
                check(counts, mask)
        except AssertionError as error:
            raise AssertionError(f"{place}, mask {number}: {error}") from error
        count += 1
    assert count >= 2_700 // EVERY
