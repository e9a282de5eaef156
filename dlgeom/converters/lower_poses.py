"""Poses of other key points than their class has, in the template of the class.

Formats of columns have one list of key points for a class (a category's ``keypoints`` in COCO,
``kpt_shape`` and ``kpt_names`` in YOLO). A pose that says otherwise is put into that list: by
the names of its points where any of them is in the list, so that no point gets the name of
another; by their order where none is.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque

import msgspec
import numpy as np

from dlgeom.chunk_objects import fits_class
from dlgeom.definitions import Pose
from dlgeom.labels import Label

__all__ = ["Placed", "in_class"]


class Placed(msgspec.Struct, kw_only=True):
    """A pose in the template of its class.

    Parameters
    ----------
    pose : Pose
        With as many points as the class has, those that it lacks unlabelled at 0, 0.
    code : str
        ``keypoints.names`` if points are left out or go by another name, else "".
    measure : float
        Labelled points that are kept over all labelled ones; NaN where there is no code, or none
        is labelled.
    fields : tuple of str
        ``skeleton`` where the class has other edges between the points.
    """

    pose: Pose
    code: str = ""
    measure: float = math.nan
    fields: tuple[str, ...] = ()


def in_class(pose: Pose, label: Label | None) -> Placed:
    """Return a pose as one of its class; as it is where the class says the same.

    Of equal names the first of the pose is the first of the class. Without a label a pose keeps
    its points and loses their names.
    """
    if fits_class(pose, label):
        return Placed(pose=pose)
    names, skeleton = ((), ()) if label is None else (label.keypoints, label.skeleton)
    count = len(names) or len(pose.keypoints)
    slots, by_name = _slots(pose, names, count)
    kept = [k for k, slot in enumerate(slots) if slot is not None]
    filled = [slot for slot in slots if slot is not None]
    values = np.zeros((count, 3))
    values[filled] = pose.keypoints[kept]
    values.flags.writeable = False
    made = Pose._view(values, names, skeleton, pose.label, pose.attributes, pose.description)
    made = made._with({"template_id": pose.template_id, "instance_id": pose.instance_id})
    due = {edge for edge in skeleton if set(filled).issuperset(edge)}
    lost = () if _edges(pose, slots) == due else ("skeleton",)
    if len(kept) == len(slots) and (by_name or made.names[: len(slots)] == pose.names):
        return Placed(pose=made, fields=lost)
    seen = pose.keypoints[:, 2] > 0
    labelled = int(np.count_nonzero(seen))
    measure = int(np.count_nonzero(seen[kept])) / labelled if labelled else math.nan
    return Placed(pose=made, code="keypoints.names", measure=measure, fields=lost)


def _slots(pose: Pose, names: tuple[str, ...], count: int) -> tuple[list[int | None], bool]:
    """Return the place of each point in the class, None for none, and whether by its name."""
    free: dict[str, deque[int]] = defaultdict(deque)
    for slot, name in enumerate(names):
        free[name].append(slot)
    slots = [free[name].popleft() if free.get(name) else None for name in pose.names]
    if any(slot is not None for slot in slots):
        return slots, True
    return [k if k < count else None for k in range(len(slots))], False


def _edges(pose: Pose, slots: list[int | None]) -> set[tuple[int | None, int | None]]:
    """Return the edges of a pose between places in the class; None for a point without one."""
    places = dict(enumerate(slots))
    return {(places.get(a), places.get(b)) for a, b in pose.skeleton}
