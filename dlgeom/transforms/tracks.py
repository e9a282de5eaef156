"""The frames between the key frames of a track, where a cut makes them differ from what is drawn.

Cutting does not commute with interpolation: half of a car at the edge is not half way between the
car and nothing. Where a track is cut, each frame in between gets a state of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np

from dlgeom.annotation import Annotation
from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.definitions import Box, Definition, Ellipse
from dlgeom.geometry import affine as maps
from dlgeom.transforms.value import AffineValue
from dlgeom.transforms.within import has_place

__all__ = ["reach", "states_to_cut", "states_to_move"]


def reach(shapes: Sequence[Definition]) -> tuple[float, float, float, float]:
    """Return the upright box that shapes, and all that is interpolated between them, stay in.

    What turns on its way sweeps more than its ends: it stays within its own half diagonal.
    """
    edges = np.array([shape.bounds for shape in shapes], dtype=np.float64)
    box = np.concatenate((edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)))
    if _turns(shapes):
        sides = [
            np.hypot(shape.rotated[2], shape.rotated[3]) / 2
            if isinstance(shape, Box)
            else float(max(shape.rx, shape.ry))
            for shape in shapes
            if isinstance(shape, Box | Ellipse)
        ]
        far = max(sides, default=0.0)
        box += [-far, -far, far, far]
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom


def states_to_cut(transform: AffineValue, annotation: Annotation) -> tuple[FrameAnnotation, ...]:
    """Return the states of an annotation, with one for each frame on the way over an edge.

    Frames between two key frames of which both, and all between them, lie in the image that
    comes out, or outside of it, need none.
    """
    states = annotation.states
    if annotation.interpolation == "hold" or len(states) < 2 or transform.size is None:
        return states
    wide, high = transform.size
    found: list[FrameAnnotation] = []
    for left, right in pairwise(states):
        found.append(left)
        between = range(left.last + 1, right.frame_num)
        ends = (left.annotation_definition, right.annotation_definition)
        if not between or not all(has_place(shape) for shape in ends):
            continue
        x0, y0, x1, y1 = maps.box_bounds(transform.matrix, [reach(ends)])[0].tolist()
        # A box that turns may have to become a polygon, whose corners do not go round.
        whole = not _turns(ends) and x0 >= 0 and y0 >= 0 and x1 <= wide and y1 <= high
        outside = x1 < 0 or y1 < 0 or x0 > wide or y0 > high
        if not whole and not outside:
            found += _between(annotation, between)
    return (*found, states[-1])


def states_to_move(
    annotation: Annotation, moved: Sequence[Definition]
) -> Sequence[FrameAnnotation]:
    """Return the states of an annotation, all frames where turning boxes become polygons.

    Parameters
    ----------
    moved : sequence of Definition
        What its stored states become.
    """
    states = annotation.states
    shapes = [state.annotation_definition for state in states]
    changed = any(type(a) is not type(b) for a, b in zip(shapes, moved, strict=True))
    if annotation.interpolation == "hold" or not changed or not _turns(shapes):
        return states
    found: list[FrameAnnotation] = []
    for left, right in pairwise(states):
        found += [left, *_between(annotation, range(left.last + 1, right.frame_num))]
    return (*found, states[-1])


def _turns(shapes: Sequence[Definition]) -> bool:
    return len({getattr(shape, "angle", None) for shape in shapes}) > 1


def _between(annotation: Annotation, between: range) -> list[FrameAnnotation]:
    """Return what is drawn in some frames, as key frames: no interpolation gives it any more."""
    frames = annotation.frames
    return [
        msgspec.structs.replace(frames[frame], fixed=True, interpolated=False) for frame in between
    ]
