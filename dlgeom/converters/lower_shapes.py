"""What one record becomes in a target that does not hold its shape; see `lower`."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.converters.lower_to import Nearest
from dlgeom.definitions import (
    Box,
    Classification,
    Cube,
    Definition,
    Description,
    Ellipse,
    FreeText,
    Note,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
    Subtitle,
    Text,
)
from dlgeom.definitions.base import Bounds
from dlgeom.errors import GeometryError

__all__ = ["CODES", "Fate", "Nearest", "nearest_record"]

CODES: tuple[tuple[str, str], ...] = (
    ("geometry.polygon", "shape written as the polygon of its outline"),
    ("geometry.box", "shape written as the box around it"),
    ("geometry.to_rotated", "shape written as the rotated box around it"),
    ("geometry.companion", "record with several shapes; the target holds some of them"),
    ("geometry.line", "open line; the target has areas only"),
    ("geometry.none", "no place in an image, or a shape that the target has no place for"),
    ("keypoints.names", "has other key points than its class, which has one list of them"),
    ("polygon.zero_area", "has no area; a box or outline of no size is no object"),
    ("shape.classification", "names the whole image; the target holds things in it"),
    ("shape.text", "is a text; the target holds none"),
    ("shape.point", "is a point; a box or outline of no size is no object"),
    ("video.frames", "spans frames of a video; the target holds images"),
)
"""Code and sentence of each loss on the way into columns."""

_ORDER = ("pose", "outline", "mask", "rotated", "box")
"""Of several shapes the first is the definition, as in `Chunk`."""

Parts = list[list[NDArray[np.float64]]]


class Fate(msgspec.Struct, kw_only=True):
    """What becomes of one record.

    Parameters
    ----------
    annotation : Annotation, optional
        The record as its columns are to say it; None if it is left out.
    code : str
        Why it is not the same; "" where it is.
    measure : float
        How much of the geometry is kept, NaN where that means nothing.
    fields : tuple of str
        What else it loses if it is written.
    around : tuple of Definition and Box, optional
        A shape with an area, and the box that stands for it.
    """

    annotation: Annotation | None = None
    code: str = ""
    measure: float = math.nan
    fields: tuple[str, ...] = ()
    around: tuple[Definition, Box] | None = None

    def outlines(self) -> tuple[Parts, Parts] | None:
        """Return the outlines of a shape and of the box that stands for it, for measuring."""
        if self.around is None:
            return None
        from dlgeom.conversions import to_polygon

        shape, box = self.around
        try:
            return to_polygon(shape).parts, [[box.corners]]
        except GeometryError:  # too large to be measured
            return None


def nearest_record(annotation: Annotation, nearest: Nearest) -> Fate:
    """Return a record as shapes that have columns."""
    shapes: dict[str, Definition] = {}
    reasons: list[str] = []
    fate = Fate()
    stored = annotation.stored_bounds
    for given in annotation.shapes:
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                found, code, measure = _nearest_shape(given, nearest)
        except GeometryError:  # numbers so large that the shape around them has none
            found, code, measure = None, "geometry.none", math.nan
        if found is None:
            reasons.append(code)
            continue
        slot = _slot(found)
        if slot is None or slot in shapes:
            reasons.append("geometry.none")
            continue
        if slot == "box" and stored is not None:
            if code:
                # As of polygons, the stored box goes before the one around the shape.
                found = _stored_box(stored, found)
                measure = measure if math.isnan(measure) else _ratio(given.area, found.area)
            else:
                fate.fields = (*fate.fields, "bbox")
            stored = None
        if isinstance(found, Pose):
            found, lost = _plain_pose(found)
            fate.fields = (*fate.fields, *lost)
        shapes[slot] = found
        if isinstance(given, Note):
            fate.fields = (*fate.fields, *_discussion(given))
        if code and not fate.code:
            fate.code, fate.measure = code, measure
            if isinstance(given, Ellipse | Cube) and isinstance(found, Box) and measure > 0:
                fate.around = given, found
            if nearest.boxed and slot == "outline" and stored is None:
                stored = given.bounds
    if not shapes:
        return Fate(code=next(iter(reasons), "geometry.none"))
    if reasons and not fate.code:
        fate.code = "geometry.companion"
    if len(shapes) > 1 and "box" in shapes:
        stored = shapes.pop("box").bounds if stored is None else stored
        shapes.pop("box", None)
    first, *rest = [shapes[slot] for slot in _ORDER if slot in shapes]
    fate.annotation = msgspec.structs.replace(
        annotation, annotation_definition=first, companions=tuple(rest), stored_bounds=stored
    )
    return fate


def _stored_box(stored: Bounds, like: Definition) -> Definition:
    try:
        return Box(*stored, like.label, like.attributes, like.description)
    except GeometryError:
        return like


def _slot(shape: Definition) -> str | None:
    """Return which column holds a shape, None if there is none."""
    # Of a subclass nobody knows what else it says.
    kind = type(shape)
    if isinstance(shape, Box) and kind is Box:
        return "rotated" if shape.is_rotated else "box"
    if isinstance(shape, Pose) and kind is Pose:
        return "pose" if len(shape.keypoints) else None
    if kind is Polygon:
        return "outline"
    return "mask" if kind is Segmentation else None


def _nearest_shape(shape: Definition, nearest: Nearest) -> tuple[Definition | None, str, float]:
    """Return what stands for a shape, None for nothing; why it is another; how much is kept."""
    if _slot(shape) is not None:
        return shape, "", math.nan
    if not all(math.isfinite(edge) for edge in shape.bounds):
        return None, _why_not(shape), math.nan
    rest = (shape.label, shape.attributes, shape.description)
    if nearest.shape == "label":
        return Box(*shape.bounds, *rest), "", math.nan
    if isinstance(shape, Point):
        return None, "shape.point", math.nan
    if isinstance(shape, Polyline) and not nearest.lines:
        return None, "geometry.line", math.nan
    if isinstance(shape, Ellipse | Cube):
        return _around(shape, nearest)
    found = Box(*shape.bounds, *rest)
    if isinstance(shape, Note):
        return found, "geometry.box", 1.0
    if not found.area > 0:
        return None, "polygon.zero_area", math.nan
    return found, "geometry.box", math.nan


def _around(shape: Ellipse | Cube, nearest: Nearest) -> tuple[Definition | None, str, float]:
    from dlgeom.conversions import to_box, to_polygon, to_rotated_box

    found: Definition
    area = shape.area
    if nearest.shape == "outline":
        if not area > 0:  # of points on one line
            return None, "polygon.zero_area", math.nan
        found, code = to_polygon(shape), "geometry.polygon"
    elif nearest.shape == "rotated":
        found, code = to_rotated_box(shape), "geometry.to_rotated"
    else:
        found, code = to_box(shape), "geometry.box"
    if not found.area > 0:
        return None, "polygon.zero_area", math.nan
    return found, code, _ratio(area, found.area)


def _ratio(one: float, other: float) -> float:
    """Return the smaller area over the larger one, NaN where that is no number."""
    if not (0 <= one < math.inf and 0 < other < math.inf):
        return math.nan
    return min(one, other) / max(one, other)


def _why_not(shape: Definition) -> str:
    if isinstance(shape, Classification):
        return "shape.classification"
    if isinstance(shape, Description | Subtitle | FreeText | Text):
        return "shape.text"
    return "geometry.none"


def _plain_pose(pose: Pose) -> tuple[Pose, list[str]]:
    """Return a pose whose points have place, name and visibility, and what that loses."""
    lost = [
        f"points.{name}"
        for p in pose.points
        for name in ("attributes", "description")
        if getattr(p, name)
    ]
    if not lost:
        return pose, lost
    bare = pose._with({"_points": None, "_names": pose.names})
    return bare, lost


def _discussion(note: Note) -> list[str]:
    """Return the fields of a note that a box does not have, where they say something."""
    plain = {"messages": (), "status": "issue", "assignee": None, "create_time": None}
    plain["creator"] = None
    return [f"note.{name}" for name, value in plain.items() if getattr(note, name) != value]
