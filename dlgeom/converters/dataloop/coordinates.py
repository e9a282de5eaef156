"""``coordinates`` of the platform's JSON, for each type: read, and written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dlgeom.converters.dataloop.masks import decode_mask, encode_mask
from dlgeom.converters.dataloop.values import Tell, bad, number, point_xy, points_xy, quiet, text
from dlgeom.definitions import (
    Box,
    Classification,
    Comparison,
    Cube,
    Cube3d,
    Definition,
    Description,
    Ellipse,
    FreeText,
    Gis,
    Message,
    Note,
    Point,
    Polygon,
    Polyline,
    Pose,
    RefImage,
    Segmentation,
    Subtitle,
    Text,
    UndefinedAnnotationType,
)
from dlgeom.errors import DlgeomError, FormatError
from dlgeom.geometry import rotated
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["CORNERS", "decode", "encode", "merged"]

CORNERS = (
    "front_tl",
    "front_tr",
    "front_br",
    "front_bl",
    "back_tl",
    "back_tr",
    "back_br",
    "back_bl",
)
KEPT_RAW = frozenset(
    {
        "polyline_3d",
        "semantic_3d",
        "ref_semantic_3d",
        "pdf_text",
        "line",
        "recording",
        "polygon",
    }
)
"""Types that the platform's schema knows and that have no class here: kept, nothing to tell."""


class _Common:
    """What every definition has, and what reading needs."""

    __slots__ = ("attributes", "description", "label", "limits", "shape", "tell")

    def __init__(
        self,
        label: str | None,
        attributes: Any,
        description: str | None,
        shape: tuple[int, int] | None,
        tell: Tell,
        limits: Limits,
    ) -> None:
        self.label, self.attributes, self.description = label, attributes, description
        self.shape, self.tell, self.limits = shape, tell, limits


def decode(
    kind: str,
    coordinates: Any,
    label: str | None,
    attributes: Any = None,
    description: str | None = None,
    *,
    shape: tuple[int, int] | None = None,
    tell: Tell = quiet,
    limits: Limits = DEFAULT_LIMITS,
) -> Definition:
    """Return the definition that ``type`` and ``coordinates`` stand for.

    Parameters
    ----------
    kind : str
        The platform's type string; one that nobody knows gives `UndefinedAnnotationType`.
    coordinates : JSON value
        As the platform has it, in any of its dialects.
    shape : tuple of int, optional
        (height, width) of the item in pixels: masks have to have it.
    tell : callable
        Told of what is doubtful and kept.

    Raises
    ------
    FormatError
        If the coordinates are none of that type.
    """
    common = _Common(label, attributes, description, shape, tell, limits)
    reader = _READERS.get(kind)
    try:
        if reader is not None:
            return reader(coordinates, common)
        if kind not in KEPT_RAW:
            tell(
                "schema.unknown",
                f"type {kind!r} is not known; the annotation is kept as it is",
            )
        return UndefinedAnnotationType(kind, label, coordinates, attributes, description)
    except FormatError:
        raise
    except DlgeomError as error:
        raise bad("value.invalid", f"{kind}: {error}") from error


def _box(value: Any, c: _Common) -> Definition:
    if not isinstance(value, list):
        raise bad("schema.type", f"coordinates of a box are {value!r:.60}; expected two points")
    points = [entry for entry in value if isinstance(entry, Mapping)]
    rest = [entry for entry in value if not isinstance(entry, Mapping)]
    if len(rest) > 1 or (rest and rest[0] is not value[-1]):
        raise bad("schema.type", "coordinates of a box are two points and perhaps an angle")
    angle = number(rest[0], "box: angle", c.limits) if rest else 0.0
    corners = points_xy(points, "box", c.limits)
    if len(corners) == 4:
        return _box_of_four(corners, angle, c)
    if len(corners) != 2:
        raise bad(
            "geometry.bbox_arity",
            f"box has {len(corners)} points; it has two opposite corners. Draw it again",
        )
    (x1, y1), (x2, y2) = corners
    return Box(
        min(x1, x2),
        min(y1, y2),
        max(x1, x2),
        max(y1, y2),
        c.label,
        c.attributes,
        c.description,
        angle or None,
    )


def _box_of_four(corners: list[tuple[float, float]], angle: float, c: _Common) -> Definition:
    """Return the box of four corners: top-left, bottom-left, bottom-right, top-right, turned."""
    points = np.array([corners])
    if not bool(rotated.is_rectangle(points)[0]):
        raise bad(
            "geometry.bbox_arity",
            "box has four points that make no rectangle; it has two opposite corners. Use a "
            "polygon",
        )
    # From the upper left along the upper edge; either direction of the corners is read.
    found = rotated.from_corners(points[:, [0, 3, 2, 1]])[0]
    turn = float((found[4] + angle + 180.0) % 360.0 - 180.0)
    c.tell("geometry.rotated", "box is given by four corners; read as a rotated box")
    x, y, w, h = found[:4].tolist()
    if turn == 0:
        low, high = points[0].min(axis=0).tolist(), points[0].max(axis=0).tolist()
        edges = (low[0], low[1], high[0], high[1])
        return Box(*edges, c.label, c.attributes, c.description)
    return Box(
        x - w / 2, y - h / 2, x + w / 2, y + h / 2, c.label, c.attributes, c.description, turn
    )


def _rings(value: Any, what: str, c: _Common) -> list[list[tuple[float, float]]]:
    """Return rings or lines, also where the outer list is missing (files of 2019)."""
    if not isinstance(value, list):
        raise bad("schema.type", f"coordinates of a {what} are {value!r:.60}; expected rings")
    if not value:
        raise bad("polygon.too_few", f"{what} has no points. Draw it again")
    if isinstance(value[0], Mapping):
        c.tell("polygon.nesting", f"{what} has its points without a list of rings; read as one")
        value = [value]
    found = [points_xy(ring, f"{what}[{k}]", c.limits) for k, ring in enumerate(value)]
    if sum(map(len, found)) > c.limits.points:
        raise bad("limit.points", f"{what} has more than {c.limits.points} points (limit points)")
    return found


def _polygon(value: Any, c: _Common) -> Definition:
    rings = _rings(value, "segment", c)
    if min(map(len, rings)) < 3:
        raise bad("polygon.too_few", "segment has a ring of fewer than 3 points. Draw it again")
    return Polygon(rings, c.label, c.attributes, c.description)


def _polyline(value: Any, c: _Common) -> Definition:
    lines = _rings(value, "polyline", c)
    if min(map(len, lines)) < 2:
        raise bad("polygon.too_few", "polyline has fewer than 2 points. Draw it again")
    return Polyline(lines, c.label, c.attributes, c.description)


def _point(value: Any, c: _Common) -> Definition:
    x, y = point_xy(value, "point", c.limits)
    return Point(x, y, c.label, c.attributes, c.description)


def _mapping(value: Any, what: str, *keys: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise bad("schema.type", f"coordinates of {what} are {value!r:.60}; expected an object")
    for key in keys:
        if key not in value:
            raise bad("schema.field", f"coordinates of {what} have no {key!r}. Add it")
    return value


def _ellipse(value: Any, c: _Common) -> Definition:
    found = _mapping(value, "an ellipse", "center", "rx", "ry")
    x, y = point_xy(found["center"], "ellipse: center", c.limits)
    rx = number(found["rx"], "ellipse: rx", c.limits)
    ry = number(found["ry"], "ellipse: ry", c.limits)
    angle = found.get("angle")
    turn = 0.0 if angle is None else number(angle, "ellipse: angle", c.limits)
    if rx < 0 or ry < 0:
        raise bad("value.range", f"ellipse has radii {rx:g} and {ry:g}; none is negative")
    return Ellipse(x, y, rx, ry, turn, c.label, c.attributes, c.description)


def _cube(value: Any, c: _Common) -> Definition:
    found = _mapping(value, "a cube", *CORNERS)
    corners = [point_xy(found[name], f"cube: {name}", c.limits) for name in CORNERS]
    angle = found.get("angle")
    turn = None if angle is None else number(angle, "cube: angle", c.limits)
    return Cube.from_points(corners, c.label, turn, c.attributes, c.description)


def _cube_3d(value: Any, c: _Common) -> Definition:
    found = _mapping(value, "a cube_3d", "position", "scale", "rotation")
    triples: list[list[float]] = []
    for name in ("position", "scale", "rotation"):
        entry = _mapping(found[name], f"a cube_3d: {name}", "x", "y", "z")
        triples.append([number(entry[k], f"cube_3d: {name}.{k}", c.limits) for k in "xyz"])
    position, scale, turn = triples
    return Cube3d(c.label, position, scale, turn, c.attributes, c.description)


def _binary(value: Any, c: _Common) -> Definition:
    mask = decode_mask(value, c.label, c.shape, c.tell, c.limits)
    return mask.replace(attributes=c.attributes, description=c.description)


def _class(value: Any, c: _Common) -> Definition:
    return Classification(c.label, c.attributes, c.description)


def _words(value: Any, what: str, c: _Common) -> str:
    found = _mapping(value, what, "text")
    return text(found["text"], f"{what}: text", c.limits, name=False)


def _subtitle(value: Any, c: _Common) -> Definition:
    return Subtitle(_words(value, "a subtitle", c), c.label, c.attributes, c.description)


def _item_description(value: Any, c: _Common) -> Definition:
    words = _words(value, "an item_description", c)
    return Description(words, c.description, c.label, c.attributes)


def _optional(value: Any, what: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise bad("type.text", f"{what} is {value!r}; it is text. Correct it")


def _note(value: Any, c: _Common) -> Definition:
    found = _mapping(value, "a note", "box")
    box = _box(found["box"], c)
    said = _mapping(found.get("note") or {}, "a note: note")
    messages = said.get("messages") or []
    if not isinstance(messages, list):
        raise bad("schema.type", f"note: messages are {messages!r:.60}; expected a list")
    each = [_mapping(entry, f"a note: messages[{k}]") for k, entry in enumerate(messages)]
    return Note(
        box.left,
        box.top,
        box.right,
        box.bottom,
        c.label,
        c.attributes,
        [Message(m.get("id"), m.get("creator"), m.get("time"), m.get("body")) for m in each],
        _optional(said.get("status"), "note: status"),
        # The platform's schema has one s, its SDK two.
        _optional(said.get("assignee", said.get("asignee")), "note: assignee"),
        said.get("createTime"),
        _optional(said.get("creator"), "note: creator"),
        c.description,
    )


def _pose(value: Any, c: _Common) -> Definition:
    found = _mapping(value or {}, "a pose")
    return Pose(
        c.label,
        _optional(found.get("templateId"), "pose: templateId"),
        _optional(found.get("instanceId"), "pose: instanceId"),
        c.attributes,
        None,
        c.description,
    )


def _comparison(value: Any, c: _Common) -> Definition:
    return Comparison(value, c.label, c.attributes, c.description)


def _text(value: Any, c: _Common) -> Definition:
    words = text(value, "text: coordinates", c.limits, name=False)
    return FreeText(words, c.label, c.attributes, c.description)


def _text_mark(value: Any, c: _Common) -> Definition:
    found = _mapping(value, "a text_mark", "type", "start", "end")
    top, left = (
        None if found.get(key) is None else number(found[key], f"text_mark: {key}", c.limits)
        for key in ("top", "left")
    )
    return Text(
        text(found["type"], "text_mark: type", c.limits),
        found["start"],
        found["end"],
        c.label,
        top,
        left,
        c.attributes,
        c.description,
    )


def _ref_image(value: Any, c: _Common) -> Definition:
    found = _mapping(value, "a ref_image", "ref")
    return RefImage(
        found["ref"],
        found.get("refType"),
        found.get("mimetype"),
        c.label,
        c.attributes,
        c.description,
    )


def _gis(value: Any, c: _Common) -> Definition:
    found = _mapping(value, "a gis", "geo_type", "wgs84_geo_coordinates")
    return Gis(
        found["geo_type"],
        found["wgs84_geo_coordinates"],
        c.label,
        c.attributes,
        c.description,
    )


_READERS = {
    "box": _box,
    "segment": _polygon,
    "polyline": _polyline,
    "point": _point,
    "ellipse": _ellipse,
    "cube": _cube,
    "cube_3d": _cube_3d,
    "binary": _binary,
    "class": _class,
    "subtitle": _subtitle,
    "item_description": _item_description,
    "note": _note,
    "pose": _pose,
    "comparison": _comparison,
    "text": _text,
    "text_mark": _text_mark,
    "ref_image": _ref_image,
    "gis": _gis,
}


# Writing.


def _xyz(x: float, y: float) -> dict[str, Any]:
    return {"x": x, "y": y, "z": 0}


def _ring(points: Any) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in np.asarray(points).tolist()]


def _plain(value: Any) -> Any:
    """Return a read-only JSON value as plain dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def encode(definition: Definition, color: Any = None) -> Any:
    """Return ``coordinates`` of a definition; None for what has none (``class``).

    Parameters
    ----------
    color : sequence of int, optional
        Red, green, blue of a mask's pixels; white if not given.
    """
    d: Any = definition
    if isinstance(d, Box):
        corners: list[Any] = [_xyz(d.left, d.top), _xyz(d.right, d.bottom)]
        return [*corners, d.angle] if d.angle else corners
    if isinstance(d, Polygon):
        return [_ring(ring) for ring in d.rings]
    if isinstance(d, Polyline):
        return [_ring(line) for line in d.lines]
    if isinstance(d, Point):
        return {"x": d.x, "y": d.y, "z": 0.0}
    if isinstance(d, Ellipse):
        return {"center": _xyz(d.x, d.y), "rx": d.rx, "ry": d.ry, "angle": d.angle}
    if isinstance(d, Cube):
        places = np.asarray(d.geo).tolist()
        found = {name: _xyz(*place) for name, place in zip(CORNERS, places, strict=True)}
        return {**found, "angle": d.angle}
    if isinstance(d, Cube3d):
        names = ("position", "scale", "rotation")
        rows = np.asarray(d.geo).tolist()
        return {n: dict(zip("xyz", row, strict=True)) for n, row in zip(names, rows, strict=True)}
    if isinstance(d, Segmentation):
        return encode_mask(d, color)
    if isinstance(d, Classification):
        return None
    if isinstance(d, Note):
        return _note_json(d)
    return _plain(_saying(d))


def _saying(d: Any) -> Any:
    """Return ``coordinates`` of what says something rather than draws."""
    if isinstance(d, Subtitle | Description):
        return {"text": d.text}
    if isinstance(d, Pose):
        return {"templateId": d.template_id, "instanceId": d.instance_id}
    if isinstance(d, FreeText):
        return d.text
    if isinstance(d, Text):
        mark = {"type": d.text_type, "label": d.label, "start": d.start, "end": d.end}
        for name in ("top", "left"):
            value = getattr(d, name)
            if value is not None and not math.isnan(value):
                mark[name] = value
        return mark
    if isinstance(d, RefImage):
        return {"ref": d.ref, "refType": d.ref_type, "mimetype": d.mimetype}
    if isinstance(d, Gis):
        return {"geo_type": d.annotation_type, "wgs84_geo_coordinates": d.geo}
    # Comparison and what nobody knows.
    return d.coordinates


def _note_json(d: Note) -> dict[str, Any]:
    return {
        "box": [_xyz(d.left, d.top), _xyz(d.right, d.bottom)],
        "note": {
            "messages": [
                {"id": m.msg_id, "creator": m.creator, "time": m.msg_time, "body": m.body}
                for m in d.messages
            ],
            "status": d.status,
            "createTime": d.create_time,
            "creator": d.creator,
            "assignee": d.assignee,
        },
    }


_MERGED = frozenset(
    {"box", "segment", "polyline", "point", "ellipse", "cube", "cube_3d", "note", "text_mark"}
)


def merged(raw: Any, new: Any, kind: str) -> Any:
    """Return new ``coordinates`` with what the old ones say beside them.

    Keys that nobody knows, ``z`` of points in a plane, other spellings of a key and numbers that
    are still the same stay as they were.
    """
    if kind not in _MERGED:
        return new
    if isinstance(raw, Mapping) and isinstance(new, Mapping):
        found = dict(raw)
        if kind == "text_mark":
            found = {k: v for k, v in raw.items() if k in new or k not in ("top", "left")}
        for key, value in new.items():
            if key == "z" and "x" in new and kind != "cube_3d":
                continue
            if key == "assignee" and key not in raw and "asignee" in raw:
                key = "asignee"
            found[key] = merged(raw[key], value, kind) if key in raw else value
        return found
    if isinstance(raw, list) and isinstance(new, list) and len(raw) == len(new):
        return [merged(old, value, kind) for old, value in zip(raw, new, strict=True)]
    return raw if type(raw) in (int, float) and raw == new and type(new) is not bool else new
