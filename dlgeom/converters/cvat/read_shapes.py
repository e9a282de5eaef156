"""One element of CVAT's XML as a definition: geometry, label, attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlgeom.converters.cvat.meta import LabelSpec
from dlgeom.converters.cvat.options import CUBOID
from dlgeom.converters.cvat.text import ABSENT, flag, number, points, typed, whole
from dlgeom.converters.problems import Problems
from dlgeom.converters.voc.xmlio import Element
from dlgeom.definitions import (
    Box,
    Classification,
    Cube,
    Definition,
    Ellipse,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = ["COMMON", "RESERVED", "Place", "attributes_of", "pose_of", "read_shape", "unknown"]

COMMON = frozenset({"label", "source", "occluded", "outside", "keyframe", "frame", "z_order"})
_OF_TRACKS = frozenset({"group_id", "score"})
_EDGES = ("xtl", "ytl", "xbr", "ybr")
_KNOWN: Mapping[str, frozenset[str]] = {
    "box": frozenset({*_EDGES, "rotation"}),
    "polygon": frozenset({"points"}),
    "polyline": frozenset({"points"}),
    "points": frozenset({"points"}),
    "skeleton": frozenset({"points"}),
    "ellipse": frozenset({"cx", "cy", "rx", "ry", "rotation"}),
    "cuboid": frozenset(f"{axis}{corner}" for axis in "xy" for corner, _ in CUBOID),
    "mask": frozenset({"rle", "left", "top", "width", "height"}),
    "tag": frozenset(),
    "track": frozenset({"id", "task_id", "end_frame"}),
}
RESERVED = {"occluded": bool, "z_order": int}
"""Attributes of a shape itself, and the types under which they are told apart from others."""

_SHIFTED = "attribute:"


class Place(msgspec.Struct):
    """Where a shape stands: its label, the size of the image, and whom to tell.

    Parameters
    ----------
    label : str, optional
        Its label.
    spec : LabelSpec, optional
        What the file says of that label.
    size : (int, int), optional
        Width and height of the image.
    limits : Limits
        What one shape may hold.
    problems : Problems
        Told of what was mended.
    path, location : str
        For messages.
    several : bool
        Whether one point is a pose of one point: others of its track have more.
    hidden : bool
        Whether nothing of it is seen: its nodes are outside for that reason alone.
    """

    label: str | None
    spec: LabelSpec | None
    size: tuple[int, int] | None
    limits: Limits
    problems: Problems
    path: str
    location: str
    several: bool = False
    hidden: bool = False


def read_shape(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    """Return the definition of an element.

    Raises
    ------
    FormatError
        What is wrong with it.
    GeometryError
        If its numbers make no shape.
    """
    return _READERS[element.tag](element, place, attributes)


def attributes_of(
    element: Element, spec: LabelSpec | None, held: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the attributes of a shape; those that it does not name are `held`.

    ``occluded`` and ``z_order`` are among them where they are set. Another attribute of that name
    which could be taken for it has ``attribute:`` before its name.
    """
    found = dict(held or {})
    hidden, order = element.get("occluded"), element.get("z_order")
    if hidden is not None:
        found.pop("occluded", None)
        if flag(hidden, "occluded", False):
            found["occluded"] = True
    if order is not None:
        found.pop("z_order", None)
        if value := _order(order):
            found["z_order"] = value
    specs = {} if spec is None else spec.attributes
    for child in element.iterchildren("attribute"):
        name = child.get("name")
        if name is None:
            raise FormatError("has an attribute without a name. Add it", code="schema.field")
        value = typed(child.text or "", specs.get(name))
        taken = RESERVED.get(name)
        if taken is not None and (type(value) is taken or name in found):
            name = _SHIFTED + name
        if value is ABSENT:
            found.pop(name, None)
        else:
            found[name] = value
    return found


def _order(text: str) -> int:
    stripped = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,18}", stripped):
        return int(stripped)
    raise FormatError(f"z_order is {text[:40]!r}; it is a whole number", code="type.number")


def unknown(element: Element) -> dict[str, str]:
    """Return the attributes of an element that no rule reads, as text."""
    known = _KNOWN.get(element.tag, frozenset())
    return {
        name: value
        for name, value in element.attrib.items()
        if name not in known
        and name not in COMMON
        and name not in _OF_TRACKS
        and not name.startswith("{")
    }


def _box(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    left, top, right, bottom = (number(element.get(name), name, place.limits) for name in _EDGES)
    angle = _angle(element, place)
    if left > right or top > bottom:
        place.problems.repaired(
            "geometry.normalised",
            f"a box from {left:g}, {top:g} to {right:g}, {bottom:g} has edges in the wrong order; "
            "they are exchanged",
            path=place.path,
            location=place.location,
        )
        left, right = min(left, right), max(left, right)
        top, bottom = min(top, bottom), max(top, bottom)
    return Box(left, top, right, bottom, place.label, attributes, angle=angle or None)


def _angle(element: Element, place: Place) -> float:
    text = element.get("rotation")
    return 0.0 if text is None else number(text, "rotation", place.limits)


def _polygon(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    ring = points(element.get("points"), "points", place.limits)
    if len(ring) < 3:
        raise FormatError(
            f"a polygon has {len(ring)} points; it needs 3. Correct it", code="polygon.too_few"
        )
    length = float(np.abs(np.roll(ring, -1, axis=0) - ring).max(axis=1).sum())
    if length > place.limits.outline:
        raise FormatError(
            f"a polygon is {length:g} px round; the limit outline is {place.limits.outline:g}",
            code="geometry.outside_image",
        )
    return Polygon(ring, place.label, attributes)


def _polyline(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    line = points(element.get("points"), "points", place.limits)
    if len(line) < 2:
        raise FormatError(
            f"a polyline has {len(line)} points; it needs 2. Correct it", code="polygon.too_few"
        )
    return Polyline(line, place.label, attributes)


def _points(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    found = points(element.get("points"), "points", place.limits).tolist()
    if not found:
        raise FormatError("has no points; it needs one at least", code="polygon.too_few")
    if len(found) == 1 and not place.several:
        x, y = found[0]
        return Point(x, y, place.label, attributes)
    # Named as a template without names counts its points.
    nodes = [Point(x, y, str(k)) for k, (x, y) in enumerate(found)]
    return Pose(place.label, None, attributes=attributes, points=nodes)


def _ellipse(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    x, y, rx, ry = (
        number(element.get(name), name, place.limits) for name in ("cx", "cy", "rx", "ry")
    )
    return Ellipse(x, y, rx, ry, _angle(element, place), place.label, attributes)


def _cuboid(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    corners = np.empty((8, 2))
    for name, index in CUBOID:
        for axis in (0, 1):
            key = "xy"[axis] + name
            corners[index, axis] = number(element.get(key), key, place.limits)
    return Cube.from_points(corners, place.label, None, attributes)


def _mask(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    from dlgeom.geometry import rle, rle_grid

    left, top, width, height = (
        whole(element.get(name), name, place.limits) for name in ("left", "top", "width", "height")
    )
    if width <= 0 or height <= 0 or left < 0 or top < 0:
        raise FormatError(
            f"a mask has left {left}, top {top} and {width} x {height} pixels; its box lies in the "
            "image and has one pixel at least. Correct it",
            code="rle.invalid",
        )
    if place.size is None:
        place.problems.notice(
            "image.size",
            "a mask is in an image of unknown size; it is taken to end where the mask does",
            path=place.path,
            location=place.location,
        )
    wide, high = place.size or (left + width, top + height)
    if left + width > wide or top + height > high:
        raise FormatError(
            f"a mask reaches to {left + width}, {top + height}; the image has {wide} x {high} "
            "pixels. Correct one of them",
            code="image.size_disagrees",
        )
    place.limits.check("rle_pixels", wide * high, code="limit.pixels", what="pixels of the image")
    rows = rle.from_list(_runs(element.get("rle"), width * height))
    # Row by row in the file: the runs of the transposed window.
    window = rle_grid.transpose(rle.normalise(rows), (width, height))
    counts = rle_grid.window(window, (height, width), -left, -top, wide - left, high - top)
    return Segmentation._of_counts(counts, (high, wide), place.label, attributes)


def _runs(text: str | None, pixels: int) -> list[int]:
    """Return checked run lengths that add up to the pixels of the box."""
    if text is None:
        raise FormatError("rle is missing. Add it", code="schema.field")
    entries = [entry.strip() for entry in text.split(",")]
    bad = next((e for e in entries if not (e.isascii() and e.isdigit() and len(e) < 11)), None)
    if bad is not None:
        raise FormatError(
            f"rle has {bad[:40]!r}; it is whole numbers with commas between them. Correct it",
            code="rle.invalid",
        )
    runs = [int(entry) for entry in entries]
    if sum(runs) != pixels:
        raise FormatError(
            f"rle adds up to {sum(runs)} pixels; the box has {pixels}. Correct it",
            code="rle.invalid",
        )
    return runs


def _skeleton(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    nodes = [_node(child, place) for child in element.iterchildren("points")]
    return pose_of(nodes, place, attributes)


def _node(child: Element, place: Place) -> Point:
    xy = points(child.get("points"), "points of a node", place.limits)
    if len(xy) != 1:
        raise FormatError(f"a node has {len(xy)} points; it has one", code="keypoints.arity")
    found = attributes_of(child, None)
    found.pop("z_order", None)
    occluded = found.pop("occluded", False)
    outside = flag(child.get("outside"), "outside", False)
    visibility = 0 if outside and not place.hidden else 1 if occluded else 2
    x, y = xy[0].tolist()
    return Point(x, y, child.get("label") or "", found, visibility=visibility)


def pose_of(nodes: list[Point], place: Place, attributes: dict[str, Any]) -> Pose:
    """Return nodes as a pose, in the order of their template where all of it is there.

    Raises
    ------
    FormatError
        ``keypoints.arity`` if there are none.
    """
    if not nodes:
        raise FormatError("a skeleton has no nodes; it needs one at least", code="keypoints.arity")
    template = None if place.spec is None else place.spec.label
    names = [node.label or "" for node in nodes]
    edges: list[tuple[int, int]] = []
    if template is not None and len(set(names)) == len(names):
        known = {name: k for k, name in enumerate(template.keypoints)}
        if set(names) == set(known):
            nodes = sorted(nodes, key=lambda node: known[node.label or ""])
            names = [node.label or "" for node in nodes]
        at = {name: k for k, name in enumerate(names)}
        for a, b in template.skeleton:
            ends = (at.get(template.keypoints[a]), at.get(template.keypoints[b]))
            if ends[0] is not None and ends[1] is not None:
                edges.append((ends[0], ends[1]))
    return Pose(place.label, None, attributes=attributes, points=nodes, skeleton=edges)


def _tag(element: Element, place: Place, attributes: dict[str, Any]) -> Definition:
    return Classification(place.label, attributes)


_READERS = {
    "box": _box,
    "polygon": _polygon,
    "polyline": _polyline,
    "points": _points,
    "ellipse": _ellipse,
    "cuboid": _cuboid,
    "mask": _mask,
    "skeleton": _skeleton,
    "tag": _tag,
}
