"""Object keypoint similarity of poses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.annotation import Annotation
from dlgeom.definitions import Pose
from dlgeom.definitions.base import Definition
from dlgeom.errors import UsageError
from dlgeom.geometry import overlap
from dlgeom.overlap.sides import Operand, members_of, shape_of

__all__ = ["oks", "pairwise_oks", "pose_column"]

Floats = NDArray[np.float64]


def pairwise_oks(
    a: Operand,
    b: Operand,
    *,
    areas: ArrayLike | None = None,
    sigmas: ArrayLike | None = None,
) -> Floats:
    """Return object keypoint similarity of each pose of `a`, as found, with each of `b`, as true.

    As COCO's evaluation; see `dlgeom.geometry.overlap.pairwise_oks` for the formula.

    Parameters
    ----------
    a, b : Pose, Annotation, AnnotationCollection, or iterable of poses, annotations
        N and M poses of one template. Of an annotation the pose may be a companion.
    areas : array_like of float, shape (M,), optional
        Area of each thing of `b` in square pixels. If not given: the annotation's `stored_area`,
        the area of its mask, polygon or box, or that of the bounds of the labelled points.
    sigmas : float or array_like of float, shape (K,), optional
        Spread of each key point; COCO's for its 17 if not given.

    Returns
    -------
    ndarray of float64, shape (N, M)

    Raises
    ------
    UsageError
        If something is no pose.
    GeometryError
        If the numbers of key points differ, or there are no sigmas for them.

    Examples
    --------
    >>> from dlgeom import Point, Pose
    >>> true = Pose("cat", None, points=[Point(0, 0, "nose"), Point(10, 10, "tail")])
    >>> found = Pose("cat", None, points=[Point(0, 0, "nose"), Point(10, 12, "tail")])
    >>> pairwise_oks(found, true, sigmas=0.1).round(4)
    array([[0.8033]])
    """
    first, _, _ = pose_column(a)
    second, own_areas, boxes = pose_column(b)
    return overlap.pairwise_oks(
        first, second, own_areas if areas is None else areas, boxes=boxes, sigmas=sigmas
    )


def oks(a: Definition | Annotation, b: Definition | Annotation, **options: Any) -> float:
    """Return object keypoint similarity of a found and a true pose.

    Options as for `pairwise_oks`; `areas` is one number here, or a list of one.
    """
    if options.get("areas") is not None:
        options["areas"] = np.atleast_1d(options["areas"])
    return float(pairwise_oks([a], [b], **options)[0, 0])


def pose_column(given: Operand) -> tuple[Floats, Floats, Floats]:
    """Return key points (N, K, 3), areas (N,) and boxes (N, 4) of poses."""
    points: list[Floats] = []
    areas: list[float] = []
    boxes: list[tuple[float, ...]] = []
    for position, member in enumerate(members_of(given)):
        pose = _pose_of(member)
        if pose is None:
            raise UsageError(
                f"entry {position} is {shape_of(member)!r}; key points are compared. "
                "Leave out what is no Pose"
            )
        if points and pose.keypoints.shape != points[0].shape:
            raise UsageError(
                f"pose {position} has {len(pose.keypoints)} key points, the first "
                f"{len(points[0])}; poses that are compared have one template"
            )
        points.append(pose.keypoints)
        area, box = _extent(member, pose)
        areas.append(area)
        boxes.append(box)
    if not points:
        return np.zeros((0, 0, 3)), np.zeros(0), np.zeros((0, 4))
    return np.stack(points), np.array(areas), np.array(boxes)


def _pose_of(member: Definition | Annotation) -> Pose | None:
    shapes = member.shapes if isinstance(member, Annotation) else (member,)
    return next((shape for shape in shapes if isinstance(shape, Pose)), None)


def _extent(member: Definition | Annotation, pose: Pose) -> tuple[float, tuple[float, ...]]:
    """Return area and bounds of the thing whose key points these are."""
    box = pose.bounds
    if box[0] != box[0]:
        # Nothing is labelled: all points say where it is, if there are any.
        xy = pose.geo
        box = (*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist()) if len(xy) else (0.0,) * 4
    area = (box[2] - box[0]) * (box[3] - box[1])
    if isinstance(member, Annotation):
        others = [shape for shape in member.shapes if shape is not pose and shape.area > 0]
        if others:
            area, box = float(others[0].area), others[0].bounds
        if member.stored_bounds is not None:
            box = member.stored_bounds
            area = area if others else (box[2] - box[0]) * (box[3] - box[1])
        if member.stored_area is not None:
            area = float(member.stored_area)
    return max(area, 0.0), tuple(box)
