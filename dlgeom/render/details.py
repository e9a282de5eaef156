"""What an overlay shows beyond areas and outlines: skeletons, faces, angles, trails, crowds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.colors import Color
from dlgeom.definitions import Box, Cube, Pose
from dlgeom.render.brush import FAR
from dlgeom.render.regions import Region

__all__ = ["SUB", "draw_cube", "draw_pose", "draw_trail", "hatched", "lines", "tick_of", "trail_of"]

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

BITS = 4
SUB = 1 << BITS
"""Parts of a pixel that smooth lines are placed on."""


def fine(points: Floats) -> NDArray[np.int32]:
    """Return points in sixteenths of pixels, counted from the middle of the first pixel."""
    places = np.clip(points, -FAR, FAR)
    return np.asarray(np.rint((places - 0.5) * SUB).astype(np.int32))


def lines(
    canvas: Pixels, points: Sequence[Floats], closed: bool, color: Color, thickness: int
) -> None:
    """Draw smooth lines of one colour."""
    import cv2

    if not points:
        return
    if len(points) == 1:
        found = [fine(points[0])]
    else:
        whole = fine(np.concatenate(points))
        ends = [0, *itertools.accumulate(map(len, points))]
        found = [whole[low:high] for low, high in itertools.pairwise(ends)]
    cv2.polylines(canvas, found, closed, color, thickness, cv2.LINE_AA, BITS)


def dot(canvas: Pixels, x: float, y: float, radius: float, color: Color, thickness: int) -> None:
    """Draw a smooth circle, filled where the thickness is -1."""
    import cv2

    if abs(x) < FAR and abs(y) < FAR:
        column, row = fine(np.array([x, y])).tolist()
        cv2.circle(
            canvas, (column, row), max(1, round(radius * SUB)), color, thickness, cv2.LINE_AA, BITS
        )


def draw_pose(canvas: Pixels, pose: Pose, color: Color, thickness: int) -> None:
    """Draw the edges between labelled points; visible points filled, hidden ones as rings."""
    points = pose.keypoints
    seen = points[:, 2] > 0
    edges = [points[[a, b], :2] for a, b in pose.skeleton if seen[a] and seen[b]]
    lines(canvas, edges, False, color, thickness)
    radius = 1.6 * thickness + 0.5
    for x, y, visibility in points[seen].tolist():
        dot(canvas, x, y, radius + max(1.0, thickness / 3), (255, 255, 255), -1)
        if visibility > 1:
            dot(canvas, x, y, radius, color, -1)
        else:
            dot(canvas, x, y, radius, color, max(1, thickness // 2))


def draw_cube(canvas: Pixels, cube: Cube, color: Color, thickness: int) -> None:
    """Draw the edges of a cube: those of the back thin, those of the front in full."""
    corners = cube.geo
    thin = max(1, thickness // 2)
    lines(canvas, [corners[4:]], True, color, thin)
    lines(canvas, [corners[[k, k + 4]] for k in range(4)], False, color, thin)
    lines(canvas, [corners[:4]], True, color, thickness)


def tick_of(box: Box) -> Floats:
    """Return the line from the centre of a turned box to the middle of its right side."""
    corners = box.corners
    return np.array([corners.mean(axis=0), (corners[1] + corners[2]) / 2])


def hatched(region: Region, step: int, width: int) -> Region:
    """Return the pixels of a region on slanting stripes, those of the whole picture."""
    height, wide = region.crop.shape
    rows = np.arange(region.top, region.top + height)[:, None]
    columns = np.arange(region.left, region.left + wide)[None]
    return Region(region.crop & ((rows + columns) % step < width), region.left, region.top)


def trail_of(annotation: Annotation, frame: int, length: int) -> list[Floats]:
    """Return the way of the centre over the last frames, as lines of one frame or more.

    Parameters
    ----------
    annotation : Annotation
        Of a video, with all its states.
    frame : int
        The frame up to which it goes.
    length : int
        How many frames back.

    Returns
    -------
    list of ndarray of float64, shape (n, 2)
        A frame in which it cannot be seen ends a line.
    """
    frames = annotation.frames
    first, last = max(annotation.start_frame, frame - length), min(annotation.end_frame, frame)
    found: list[list[tuple[float, float]]] = [[]]
    for number in range(first, last + 1):
        state = frames[number]
        left, top, right, bottom = state.bounds
        if math.isnan(left) or not state.object_visible:
            found.append([])
        else:
            found[-1].append(((left + right) / 2, (top + bottom) / 2))
    return [np.array(one) for one in found if len(one) > 1]


def draw_trail(canvas: Pixels, ways: Sequence[Floats], color: Color, thickness: int) -> None:
    """Draw the way that a thing came: thin where it was first, in full where it is now."""
    pieces = [way[k : k + 2] for way in ways for k in range(len(way) - 1)]
    groups: dict[int, list[Floats]] = {}
    for index, piece in enumerate(pieces):
        share = (index + 1) / len(pieces)
        groups.setdefault(max(1, math.ceil(share * thickness)), []).append(piece)
    for size, some in sorted(groups.items()):
        lines(canvas, some, False, color, size)
