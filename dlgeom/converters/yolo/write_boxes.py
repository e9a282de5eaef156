"""Rows of the tasks detect and pose: a box, and keypoints behind it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import BOX, KEYPOINTS, OUTLINE, ROTATED, RUNS, Chunk
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo.write_losses import Ledger
from dlgeom.converters.yolo.write_table import Scale, Settings, Table
from dlgeom.geometry.ragged import Ragged, Rings, offsets_of

__all__ = ["detect_table", "extents", "four_corner_rings", "pose_table", "warn_of_refusal"]

MISSING = 0.01
"""How far below 0 a missing keypoint without a visibility lies; Ultralytics takes no more."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def keypoint_extents(keypoints: Ragged) -> Floats:
    """Return the box around the labelled keypoints of each row, NaN for none, shape (N, 4)."""
    boxes = np.full((len(keypoints), 4), np.nan)
    seen = keypoints.values[:, 2] > 0
    row = np.repeat(np.arange(len(keypoints)), keypoints.lengths)[seen]
    if not len(row):
        return boxes
    points = keypoints.values[seen, :2]
    first = np.flatnonzero(np.diff(row, prepend=-1))
    boxes[row[first], :2] = np.minimum.reduceat(points, first, axis=0)
    boxes[row[first], 2:] = np.maximum.reduceat(points, first, axis=0)
    return boxes


def extents(chunk: Chunk) -> Floats:
    """Return the stored box of each row, else the extent of its shape, shape (N, 4).

    NaN where a row has neither, or only a shape that was left undecoded.
    """
    boxes = chunk.bounds
    missing = np.isnan(boxes[:, 0])
    if not missing.any():
        return boxes
    from dlgeom.geometry import rings, rle, rotated

    boxes = boxes.copy()
    turned = np.flatnonzero(missing & ~np.isnan(chunk.rotated[:, 0]))
    boxes[turned] = rotated.extent(chunk.rotated[turned])
    for found in (
        lambda: rings.row_bounds(chunk.outline),
        lambda: np.where(chunk.runs.present[:, None], rle.bounds_many(chunk.runs), np.nan),
        lambda: keypoint_extents(chunk.keypoints),
    ):
        missing = np.isnan(boxes[:, 0])
        if not missing.any():
            break
        boxes[missing] = found()[missing]
    return boxes


def _areas(boxes: Floats) -> Floats:
    sizes: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return sizes


def _kept_share(chunk: Chunk, boxes: Floats) -> Floats:
    """Return area of the shape over area of the box around it, NaN where it is not known."""
    area = chunk.area
    around = _areas(boxes)
    unknown = np.isnan(area) & (chunk.outline.part_counts > 0)
    if unknown.any():
        from dlgeom.geometry import rings

        area = np.where(unknown, rings.row_areas(chunk.outline), area)
    unknown = np.isnan(area) & chunk.runs.present
    if unknown.any():
        from dlgeom.geometry import rle

        area = np.where(unknown, rle.areas(chunk.runs), area)
    area = np.where(np.isnan(area), chunk.rotated[:, 2] * chunk.rotated[:, 3], area)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = area / around
    return np.where((around > 0) & (share >= 0), np.minimum(share, 1.0), np.nan)


def _clip(boxes: Floats, sizes: Ints, ledger: Ledger) -> Floats:
    """Cut boxes at the edges of their images."""
    limits = np.concatenate([sizes, sizes], axis=1).astype(np.float64)
    clipped = np.clip(boxes, 0.0, limits)
    outside = (
        (boxes[:, 0] >= limits[:, 0])
        | (boxes[:, 1] >= limits[:, 1])
        | (boxes[:, 2] <= 0)
        | (boxes[:, 3] <= 0)
    )
    ledger.drop(outside, "geometry.outside_image")
    changed = np.flatnonzero((clipped != boxes).any(axis=1))
    if len(changed):
        with np.errstate(divide="ignore", invalid="ignore"):
            share = _areas(clipped[changed]) / _areas(boxes[changed])
        ledger.change(changed, "geometry.clipped", share)
    return clipped


def _fractions(boxes: Floats, sizes: Ints) -> Floats:
    """Return centre and size as fractions of the image, shape (N, 4)."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([(low + high) / 2 / sizes, (high - low) / sizes], axis=1)


def four_corner_rings(corners: Floats, chosen: NDArray[np.bool_]) -> Rings:
    """Return corners (N, 4, 2) as rings of the chosen rows; the others have none."""
    rows = np.flatnonzero(chosen)
    rings = np.arange(len(rows) + 1, dtype=np.int64)
    return Rings(corners[rows].reshape(-1, 2), 4 * rings, rings, offsets_of(chosen))


def warn_of_refusal(
    chunk: Chunk, fractions: Floats, alive: NDArray[np.bool_], problems: Problems
) -> None:
    """Tell of rows that Ultralytics refuses: it takes -0.01 to 1.01 and drops the whole image."""
    outside = (fractions < -0.01) | (fractions > 1.01)
    if not outside.any():
        return
    for row in np.flatnonzero(outside.any(axis=1)).tolist():
        problems.notice(
            "geometry.outside_image",
            "leaves the image by more than a hundredth of it and is written as it is; "
            "Ultralytics refuses such a label file. Cut it with --yolo-clip image",
            **chunk.where(int(np.flatnonzero(alive)[row])),
        )


def detect_table(
    chunk: Chunk, sizes: Ints, scale: Scale, ledger: Ledger, settings: Settings, problems: Problems
) -> Table:
    """Return ``cx cy w h`` of each row."""
    boxes = extents(chunk)
    ledger.drop(np.isnan(boxes[:, 0]), "geometry.bbox_missing")
    shapes = chunk.shapes
    area = (shapes & (OUTLINE | RUNS)) != 0
    turned = (shapes & ROTATED) != 0
    if area.any() or turned.any():
        share = _kept_share(chunk, boxes)
        ledger.change(area, "geometry.to_box", share[area])
        ledger.change(turned, "geometry.rotated_to_box", share[turned])
    ledger.change((shapes & KEYPOINTS) != 0, "geometry.keypoints_to_box")
    if settings.clip:
        boxes = _clip(boxes, sizes, ledger)
    alive = ledger.alive
    fractions = _fractions(boxes[alive], sizes[alive])
    warn_of_refusal(chunk, fractions, alive, problems)
    numbers, places = scale.digits(fractions.ravel(), np.where(alive, 4, 0))
    table = Table.of_blocks(numbers.reshape(-1, 4), alive, scale)
    table.places = places
    if settings.measure:
        from dlgeom.geometry.boxes import box_rings

        table.replaced = four_corner_rings(box_rings(boxes), alive & (ledger.status == 1))
    return table


def _pad_keypoints(keypoints: Ragged, count: int) -> Floats:
    """Return the keypoints of all rows, rows with fewer filled with zeros, shape (N, count, 3)."""
    filled = np.zeros((len(keypoints), count, 3))
    lengths = keypoints.lengths
    row = np.repeat(np.arange(len(keypoints)), lengths)
    column = np.arange(len(row)) - np.repeat(keypoints.offsets[:-1], lengths)
    fits = column < count
    filled[row[fits], column[fits]] = keypoints.values[fits]
    return filled


def pose_table(
    chunk: Chunk,
    sizes: Ints,
    scale: Scale,
    ledger: Ledger,
    settings: Settings,
    problems: Problems,
    shape: tuple[int, int],
) -> Table:
    """Return ``cx cy w h`` and the keypoints ``x y v`` (or ``x y``) of each row.

    `shape` is the number of keypoints and of numbers for each, 2 or 3. With two a missing point is
    one with negative numbers.
    """
    count, each = shape
    boxes = extents(chunk)
    shapes = chunk.shapes
    ledger.drop(np.isnan(boxes[:, 0]), "geometry.bbox_missing")
    ledger.drop(chunk.keypoints.lengths > count, "keypoints.arity")
    without = (shapes & KEYPOINTS) == 0
    ledger.change(without & ((shapes & (OUTLINE | RUNS)) != 0), "geometry.to_box")
    ledger.change(without & ((shapes & ROTATED) != 0), "geometry.rotated_to_box")
    ledger.change(without & ((shapes & BOX) != 0), "keypoints.missing")
    ledger.change((shapes & (OUTLINE | RUNS | ROTATED)) != 0, "geometry.mask_lost")
    points = _pad_keypoints(chunk.keypoints, count)
    if settings.clip:
        boxes = _clip(boxes, sizes, ledger)
        beyond = (points[:, :, :2] < 0) | (points[:, :, :2] > sizes[:, None, :])
        outside: NDArray[np.bool_] = np.logical_or(beyond[:, :, 0], beyond[:, :, 1])
        points[outside] = 0
        ledger.change(np.flatnonzero(outside.any(axis=1)), "keypoints.clipped")
    alive = ledger.alive
    rows = int(np.count_nonzero(alive))
    points = points[alive]
    fractions = np.zeros((rows, 4 + each * count))
    fractions[:, :4] = _fractions(boxes[alive], sizes[alive])
    # The keypoints of a row, seen as a grid of `each` numbers a point.
    grid = fractions[:, 4:].reshape(rows, count, each)
    grid[..., :2] = points[..., :2] / sizes[alive][:, None, :]
    missing = (points == 0).all(axis=2) if each == 3 else points[..., 2] == 0
    warn_of_refusal(chunk, fractions, alive, problems)
    if each == 3:
        grid[..., 2] = points[..., 2]
    else:
        grid[missing] = -max(MISSING, 10.0 ** -(settings.decimals or 6))
    width = fractions.shape[1]
    numbers, places = scale.digits(fractions.ravel(), np.where(alive, width, 0))
    table = Table.of_blocks(numbers.reshape(rows, width), alive, scale)
    shown = np.full(len(numbers), scale.decimals, dtype=np.int8) if places is None else places
    if each == 3:
        # Visibilities are 0, 1 or 2 and are written so; a missing point is "0 0 0".
        decimals = shown.reshape(rows, width)[:, 4:].reshape(rows, count, 3)
        decimals[..., 2][points[..., 2] == np.rint(points[..., 2])] = 0
        decimals[missing] = 0
    table.places = shown
    return table
