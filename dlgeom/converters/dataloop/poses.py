"""Poses of the platform: a pose, and point annotations that name it as their parent.

Elsewhere a pose is one record with its points; here both ways are tied.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from dlgeom.annotation.single import Annotation
from dlgeom.converters.dataloop.computed import Room
from dlgeom.converters.dataloop.record import Record, write_annotation
from dlgeom.definitions import Point, Pose

__all__ = ["join_poses", "visibility_of", "write_all"]

VISIBLE = 2
SEEN = {"visible": VISIBLE, "not-visible": 1, "not_visible": 1, "not visible": 1}


def visibility_of(point: Point) -> int | None:
    """Return what a point's attributes say: 2 visible, 1 hidden, None nothing.

    In version 2 a value, in version 1 a name, is ``visible`` or ``not-visible``.
    """
    if point.visibility is not None:
        return int(point.visibility)
    attributes = point.attributes
    values = attributes.values() if isinstance(attributes, dict) else attributes
    said = [SEEN[v.lower()] for v in values if isinstance(v, str) and v.lower() in SEEN]
    return max(said) if said else None


def join_poses(annotations: Iterable[Annotation]) -> list[Annotation]:
    """Put the points of poses into them.

    A pose takes the points that name it as their parent, in order; they are then kept with it
    (`Record.points`) and no longer stand alone. Where the pose knows its template (files that
    dlgeom wrote), a point takes the place of the key point of its name.
    """
    given = list(annotations)
    poses = {
        a.id: k
        for k, a in enumerate(given)
        if isinstance(a.annotation_definition, Pose) and a.id is not None
    }
    if not poses:
        return given
    points: dict[int, list[Annotation]] = {}
    for a in given:
        if isinstance(a.annotation_definition, Point) and a.parent_id in poses and not a.later:
            points.setdefault(poses[a.parent_id], []).append(a)
    taken = {id(a) for found in points.values() for a in found}
    joined = []
    for k, a in enumerate(given):
        if id(a) in taken:
            continue
        joined.append(_joined(a, points[k]) if k in points else a)
    return joined


def _joined(pose: Annotation, points: list[Annotation]) -> Annotation:
    shape: Any = pose.annotation_definition
    made = pose.copy()
    found = [
        _key_point(p)
        for p in (point.annotation_definition for point in points)
        if isinstance(p, Point)
    ]
    placed = _in_template(shape.points, found)
    whole = Pose(
        shape.label,
        shape.template_id,
        shape.instance_id,
        shape.attributes,
        placed,
        shape.description,
    )
    # As it was, also where an edge names no point or a visibility is above 2.
    kept = len(placed) == len(shape.points) and all(
        one is other for one, other in zip(placed, shape.points, strict=True)
    )
    made.annotation_definition = shape if kept else whole._with({"skeleton": shape.skeleton})
    if _has_no_id(pose):
        made.id = None
    before = made.copy()
    before.record = None
    record = pose.record if isinstance(pose.record, Record) else Record({}, pose)
    raw = record.raw or write_annotation(pose)
    made.record = Record(raw, before, tuple(points), record.index)
    return made


def _has_no_id(pose: Annotation) -> bool:
    """Whether the id was only given so that points can name it."""
    raw = pose.record.raw if isinstance(pose.record, Record) else {}
    user = (raw.get("metadata") or {}).get("user") or {}
    ours = user.get("dlgeom") if isinstance(user, dict) else None
    return isinstance(ours, dict) and "id" in ours and ours["id"] is None


def _key_point(point: Point) -> Point:
    """Return a point with its visibility; attributes that only say that are gone into it."""
    said = visibility_of(point)
    attributes = point.attributes
    if isinstance(attributes, list) and all(name.lower() in SEEN for name in attributes):
        attributes = None
    seen = VISIBLE if said is None else said
    return Point(point.x, point.y, point.label, attributes, point.description, seen)


def _in_template(template: tuple[Point, ...], found: list[Point]) -> list[Point]:
    """Return the points in the order of a template; its labelled points that are gone, are gone.

    Of equal names those that were labelled come first: no other has a point in the file.
    """
    if not template:
        return found
    free = list(found)
    placed: dict[int, Point] = {}
    order = sorted(range(len(template)), key=lambda k: template[k].visibility == 0)
    for k in order:
        point = template[k]
        match = next((p for p in free if p.label == point.label), None)
        if match is None:
            gone = point.visibility != 0
            placed[k] = _hidden(point) if gone else point
            continue
        free.remove(match)
        same = (match.x, match.y) == (point.x, point.y) and match.visibility in (
            None,
            point.visibility,
            2 if point.visibility is None else point.visibility,
        )
        placed[k] = point if same else match
    return [placed[k] for k in range(len(template))] + free


def _hidden(point: Point) -> Point:
    return Point(0.0, 0.0, point.label, point.attributes, point.description, 0)


def write_all(
    annotations: Iterable[Annotation], *, color_of: Any = None, room: Room | None = None
) -> list[dict[str, Any]]:
    """Return annotations as the platform has them, the points of poses behind their pose.

    Points of a pose that was read come out where they stood, as long as it was not changed.

    Parameters
    ----------
    annotations : iterable of Annotation
        All of one item.
    color_of : callable, optional
        Colour of a label, for masks.
    room : Room, optional
        How many snapshots may be computed for all of them.
    """
    room = Room() if room is None else room
    written: list[tuple[tuple[int, int], dict[str, Any]]] = []
    last = -1
    fresh = 0
    for a in annotations:
        record = a.record if isinstance(a.record, Record) else None
        if record is not None and record.index >= 0:
            last = record.index
        color = color_of(a.label) if color_of is not None else None
        whole = write_annotation(a, color=color, room=room)
        shape = a.annotation_definition
        points: list[tuple[int, dict[str, Any]]] = []
        if isinstance(shape, Pose) and len(shape.keypoints):
            kept = record is not None and shape == record.before.annotation_definition
            if kept and record is not None and record.points:
                points = [(_index(p, last), write_annotation(p)) for p in record.points]
            else:
                whole, split = _split(a, shape, whole, fresh)
                points = [(last, point) for point in split]
        for index, entry in [(last, whole), *points]:
            written.append(((index, fresh), entry))
            fresh += 1
    return [entry for _, entry in sorted(written, key=lambda pair: pair[0])]


def _index(annotation: Annotation, default: int) -> int:
    record = annotation.record
    return record.index if isinstance(record, Record) and record.index >= 0 else default


def _split(
    annotation: Annotation, shape: Pose, whole: dict[str, Any], number: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a pose that has an id, and the annotations of its points."""
    if annotation.id is None and any(point.visibility != 0 for point in shape.points):
        # Its points have to name it; `dlgeom.id` says that the id is not its own.
        metadata = {**whole["metadata"], "user": dict(whole["metadata"].get("user") or {})}
        metadata["user"]["dlgeom"] = {**(metadata["user"].get("dlgeom") or {}), "id": None}
        whole = {**whole, "id": f"pose-{number}", "metadata": metadata}
    parent = whole.get("id", annotation.id)
    points = []
    for point in shape.points:
        if point.visibility == 0:
            # Not labelled: it is nowhere.
            continue
        named = point
        if point.visibility is not None and not point.attributes:
            named = point.replace(
                attributes=["visible" if point.visibility == 2 else "not-visible"]
            )
        child = Annotation(
            msgspec.structs.replace(named, visibility=None),
            item=annotation.item,
            parent_id=parent,
            automated=annotation.automated,
        )
        points.append(write_annotation(child))
    return whole, points
