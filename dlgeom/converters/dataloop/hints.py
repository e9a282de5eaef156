"""``metadata.user.dlgeom``: what an annotation says that the platform's JSON has no place for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.annotation.single import Annotation
from dlgeom.converters.dataloop.computed import restored, track_hint
from dlgeom.converters.dataloop.grouping import grouping_hint, regrouped
from dlgeom.converters.dataloop.values import bad
from dlgeom.definitions import Box, Description, Point, Polygon, Pose
from dlgeom.definitions.base import Definition
from dlgeom.errors import DlgeomError
from dlgeom.item import Item

__all__ = ["read_hints", "read_track", "write_hints"]


def write_hints(
    annotation: Annotation, *, exclude: frozenset[str], computed: bool = True
) -> dict[str, Any]:
    """Return what reading the JSON back would not give.

    Parameters
    ----------
    exclude : frozenset of str
        Keys of `Annotation.extra` that stand elsewhere.
    computed : bool, default True
        Whether the snapshots have what lies between key frames too.
    """
    hints: dict[str, Any] = {}
    if annotation.crowd:
        hints["crowd"] = True
    if annotation.stored_area is not None:
        hints["area"] = annotation.stored_area
    if annotation.stored_bounds is not None:
        hints["bounds"] = list(annotation.stored_bounds)
    if annotation.score is not None and not 0 <= annotation.score <= 1:
        hints["score"] = annotation.score
    extra = {
        key: value
        for key, value in annotation.extra.items()
        if key not in exclude and key != "attributes"
    }
    if extra:
        hints["extra"] = msgspec.to_builtins(extra)
    if annotation.companions:
        hints["companions"] = [_whole(shape) for shape in annotation.companions]
    if annotation.children:
        from dlgeom.converters.dataloop.record import write_annotation

        hints["children"] = [write_annotation(child) for child in annotation.children]
    states = annotation.states
    hints.update(_of_shape(states[0].annotation_definition))
    shapes: dict[str, dict[str, Any]] = {}
    for k, state in enumerate(states):
        told = _of_shape(state.annotation_definition)
        if told and (k or not (state.fixed and state.object_visible)):
            # A state of several frames is written as a snapshot for each, and read as such; the
            # first one is held where it is fixed and visible.
            shapes.update((str(frame), told) for frame in range(state.frame_num, state.last + 1))
    shapes.pop(str(states[0].frame_num), None)
    if shapes:
        hints["states"] = shapes
    track = track_hint(annotation, computed=computed)
    if track is not None:
        hints["track"] = track
    return hints


def _whole(shape: Definition) -> dict[str, Any]:
    from dlgeom.converters.dataloop.record import write_annotation

    return write_annotation(Annotation(shape))


def _of_shape(shape: Definition) -> dict[str, Any]:
    """Return what ``coordinates`` do not say of a shape."""
    if isinstance(shape, Box):
        edges = Box(shape.left, shape.top, shape.right, shape.bottom, angle=shape.angle)
        if edges._geometry_key() != shape._geometry_key() or (
            shape.angle is not None and not shape.angle
        ):
            return {"rotated": list(shape.rotated)}
    if isinstance(shape, Polygon):
        return grouping_hint(shape)
    if isinstance(shape, Point) and shape.visibility is not None:
        return {"visibility": shape.visibility}
    if isinstance(shape, Pose) and (len(shape.keypoints) or shape.skeleton):
        return {
            "keypoints": shape.keypoints.tolist(),
            "names": list(shape.names),
            "skeleton": [list(edge) for edge in shape.skeleton],
            "points": [
                {
                    "attributes": msgspec.to_builtins(point.attributes),
                    "description": point.description,
                    "visibility": point.visibility,
                }
                if point.attributes or point.description
                else point.visibility
                for point in shape.points
            ],
        }
    if isinstance(shape, Description) and shape.label is None:
        return {"label": None}
    return {}


def read_hints(annotation: Annotation, hints: Mapping[str, Any], item: Item | None) -> None:
    """Put back what `write_hints` kept.

    Raises
    ------
    FormatError
        If the hints are not what dlgeom writes.
    """
    with _as_written():
        _read(annotation, hints, item)


def read_track(annotation: Annotation, hints: Mapping[str, Any]) -> None:
    """Put back what the states of an annotation over frames were.

    What a state says beyond its coordinates counts where it is still there; key frames and what
    lies between them, where no snapshot was changed since.

    Raises
    ------
    FormatError
        If the hints are not what dlgeom writes.
    """
    with _as_written():
        # The first state can be that of a snapshot, which says no more than its coordinates.
        annotation.annotation_definition = _shape(annotation.annotation_definition, hints)
        told = hints.get("states") or {}
        if told:
            annotation.later = tuple(
                _told(state, told.get(str(state.frame_num))) for state in annotation.later
            )
        if hints.get("track"):
            found = restored(hints["track"], annotation.states, annotation.end_frame)
            if found is not None:
                states, annotation.interpolation = found
                annotation._keep(states)


def _told(state: FrameAnnotation, hints: Mapping[str, Any] | None) -> FrameAnnotation:
    if not hints:
        return state
    shape = _shape(state.annotation_definition, hints)
    return msgspec.structs.replace(state, annotation_definition=shape)


@contextmanager
def _as_written() -> Iterator[None]:
    """Turn what happens with hints that are none into an error of the format."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, DlgeomError):
            raise
        raise bad(
            "schema.type",
            f"metadata.user.dlgeom is not as it was written ({error}). Leave it out",
        ) from error


def _read(annotation: Annotation, hints: Mapping[str, Any], item: Item | None) -> None:
    from dlgeom.converters.dataloop.record import read_annotation

    annotation.crowd = bool(hints.get("crowd", False))
    if hints.get("area") is not None:
        annotation.stored_area = float(hints["area"])
    if hints.get("bounds") is not None:
        left, top, right, bottom = (float(edge) for edge in hints["bounds"])
        annotation.stored_bounds = (left, top, right, bottom)
    if hints.get("score") is not None:
        annotation.score = float(hints["score"])
    annotation.extra.update(dict(hints.get("extra") or {}))
    annotation.companions = tuple(
        read_annotation(raw, item, is_video=False).annotation_definition
        for raw in hints.get("companions") or ()
    )
    annotation.children = tuple(
        _without_record(read_annotation(raw, None, is_video=False))
        for raw in hints.get("children") or ()
    )
    annotation.annotation_definition = _shape(annotation.annotation_definition, hints)


def _without_record(annotation: Annotation) -> Annotation:
    annotation.record = None
    return annotation


def _shape(shape: Definition, hints: Mapping[str, Any]) -> Definition:
    common = (shape.label, shape.attributes, shape.description)
    if isinstance(shape, Box) and "rotated" in hints:
        exact = Box.from_rotated(hints["rotated"], *common)
        # A box that was moved since keeps its new place.
        return exact if exact.is_close(shape, atol=1e-6) else shape
    if isinstance(shape, Polygon) and "parts" in hints:
        return regrouped(shape, hints)
    if isinstance(shape, Point) and "visibility" in hints:
        return Point(shape.x, shape.y, *common, hints["visibility"])
    if isinstance(shape, Pose) and "keypoints" in hints:
        return _pose(shape, hints)
    if isinstance(shape, Description) and "label" in hints:
        return shape.replace(label=None)
    return shape


def _pose(shape: Pose, hints: Mapping[str, Any]) -> Pose:
    xyv = np.array(hints["keypoints"], dtype=np.float64).reshape(-1, 3)
    names = tuple(str(name) for name in hints["names"])
    if not np.isfinite(xyv).all() or not len(xyv) == len(names) == len(hints["points"]):
        raise ValueError("key points do not fit")
    points: list[Point] = []
    for (x, y, _), name, more in zip(xyv.tolist(), names, hints["points"], strict=True):
        if isinstance(more, Mapping):
            details = more["attributes"], more["description"], more["visibility"]
            points.append(Point(x, y, name, *details))
        else:
            points.append(Point(x, y, name, visibility=more))
    xyv.flags.writeable = False
    skeleton = tuple((int(a), int(b)) for a, b in hints["skeleton"])
    # As it was, also where a visibility is above 2 or an edge names no point.
    fields = {"_xyv": xyv, "_names": names, "_points": tuple(points), "skeleton": skeleton}
    return shape._with(fields)
