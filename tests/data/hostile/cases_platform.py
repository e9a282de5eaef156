"""Hostile items of the platform: masks in text, shapes, frames, names."""

from __future__ import annotations

import base64
from typing import Any

from bits import (
    ACCEPT,
    ERROR,
    HEIGHT,
    WARN,
    WIDTH,
    add,
    data_url,
    header_only,
    item,
    item_files,
    png,
    rgba,
    shape,
    text,
)

NAN = float("nan")
GOOD = shape()


def root(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    value: Any,
    left: int | None = None,
    **more: Any,
) -> None:
    add(f"dataloop-{name}", what, item_files(value), expected, code, left, **more)


def bad(name: str, what: str, code: str | None, second: Any, left: int = 1, **more: Any) -> None:
    if isinstance(second, dict) and name != "id-twice":
        second = {**second, "id": "a2"}
    like = "dataloop-good" if code and left == 1 else None
    root(name, what, WARN if code else ACCEPT, code, item(GOOD, second), left, like=like, **more)


root("good", "the good box that the others are measured by", ACCEPT, None, item(GOOD), 1)
root("empty", "no byte", ERROR, "file.empty", b"")
root("cut", "cut in an annotation", ERROR, "json.syntax", text(item(GOOD))[:-60])
root("list", "a list of a list", ERROR, None, [[item(GOOD)]])
root("number", "a number", ERROR, "schema.root", b"5")
root(
    "twice",
    "'annotations' twice",
    ERROR,
    "json.duplicate_key",
    b'{"annotations": [], ' + text(item(GOOD))[1:],
)
root(
    "deep",
    "3,000 lists in an unknown key",
    ERROR,
    "limit.depth",
    b'{"x": ' + b"[" * 3_000 + b"]" * 3_000 + b"," + text(item(GOOD))[1:],
)
root(
    "annotations-map",
    "annotations as an object",
    ERROR,
    "schema.type",
    {**item(), "annotations": {"a": GOOD}},
)
root(
    "size-nan",
    "a width of NaN",
    ERROR,
    "number.not_finite",
    item(GOOD, metadata={"system": {"width": NAN, "height": 30}}),
)
root(
    "size-text",
    "a width that is a text",
    ERROR,
    "image.size",
    item(GOOD, metadata={"system": {"width": "40", "height": 30}}),
)
root(
    "size-minus",
    "a negative width",
    ERROR,
    "image.size",
    item(GOOD, metadata={"system": {"width": -40, "height": 30}}),
)
root(
    "size-1e10",
    "10**10 pixels squared",
    ERROR,
    "limit.pixels",
    item(GOOD, metadata={"system": {"width": 10**10, "height": 10**10}}),
)
root("metadata-list", "metadata that is a list", ERROR, "image.size", item(GOOD, metadata=[1]))
root(
    "name-up",
    "a name that climbs out",
    ERROR,
    "path.escape",
    item(GOOD, filename="/../../etc/p.png", name=...),
)
root(
    "name-nul", "a NUL in a name", ERROR, "path.invalid", item(GOOD, filename="/p\0.png", name=...)
)
root(
    "name-url",
    "an address for a name",
    ERROR,
    "path.url",
    item(GOOD, filename="http://127.0.0.1:9/p.png", name=...),
)
root("name-number", "a number for a name", ERROR, "type.text", item(GOOD, filename=5, name=...))
root(
    "name-long",
    "a name of 400 bytes",
    ERROR,
    "limit.path",
    item(GOOD, filename="/" + "p" * 400 + ".png", name=...),
)
add(
    "dataloop-of-many",
    "one of two files is cut",
    {**item_files(item(GOOD)), "json/q.json": b'{"annotations": ['},
    WARN,
    "json.syntax",
    1,
)
add(
    "dataloop-link",
    "a file that is a link out",
    item_files(item(GOOD)),
    WARN,
    "path.symlink",
    1,
    setup=[{"symlink": "INPUT/json/q.json", "target": "/etc/hostname"}],
)
add(
    "dataloop-fifo",
    "a file that is a pipe",
    item_files(item(GOOD)),
    WARN,
    "file.not_regular",
    1,
    setup=[{"fifo": "INPUT/json/q.json"}],
)

bad("null", "null for an annotation", "schema.type", None)
bad("number-annotation", "a number for an annotation", "schema.type", 7)
bad("type-missing", "no type", "schema.field", shape(type=...))
bad("type-list", "a list for a type", "type.text", shape(type=["box"]))
bad("label-null", "null for a label", None, shape(label=None), 2)
bad("label-list", "a list for a label", "type.text", shape(label=["apple"]))
bad("label-70k", "a label of 70,000 letters", "limit.text", shape(label="a" * 70_000))
bad("label-control", "control characters in a label", None, shape(label="a\x01b"), 2)
bad(
    "box-three",
    "three corners for a box",
    "geometry.bbox_arity",
    shape(coordinates=[{"x": 1, "y": 1}] * 3),
)
bad("box-map", "an object for the corners", "schema.type", shape(coordinates={"x": 1, "y": 1}))
bad("box-null", "null for the corners", "schema.type", {**shape(), "coordinates": None})
bad(
    "box-x-null",
    "null for an x",
    "type.number",
    shape(coordinates=[{"x": None, "y": 5}, {"x": 14, "y": 13}]),
)
bad(
    "box-x-true",
    "true for an x",
    "type.number",
    shape(coordinates=[{"x": True, "y": 5}, {"x": 14, "y": 13}]),
)
bad("box-y-missing", "no y", "schema.field", shape(coordinates=[{"x": 4}, {"x": 14, "y": 13}]))
bad(
    "box-infinity",
    "Infinity for an x",
    "number.not_finite",
    shape(coordinates=[{"x": float("inf"), "y": 5}, {"x": 14, "y": 13}]),
)
bad(
    "box-1e9",
    "an x of 1e9",
    "number.range",
    shape(coordinates=[{"x": 1e9, "y": 5}, {"x": 14, "y": 13}]),
)
bad(
    "box-digits",
    "an x of 500 digits",
    "number.range",
    shape(coordinates=[{"x": 10**500, "y": 5}, {"x": 14, "y": 13}]),
)
bad(
    "box-turned",
    "corners in the other order",
    None,
    shape(coordinates=[{"x": 14, "y": 13}, {"x": 4, "y": 5}]),
    2,
)
bad(
    "polygon-two",
    "two corners for a polygon",
    "polygon.too_few",
    shape("segment", [[{"x": 1, "y": 1}, {"x": 9, "y": 9}]]),
)
bad(
    "polygon-nan",
    "a NaN in a polygon",
    "number.not_finite",
    shape("segment", [[{"x": 1, "y": 1}, {"x": 9, "y": NAN}, {"x": 9, "y": 9}]]),
)
bad(
    "polygon-flat",
    "a polygon on a line: kept, and dropped by the target",
    None,
    shape("segment", [[{"x": k, "y": k} for k in range(4)]]),
    2,
)
bad("polygon-numbers", "numbers for corners", "schema.type", shape("segment", [[1, 2, 3, 4, 5, 6]]))
bad(
    "polygon-long",
    "an outline of 9e6 px: kept, and dropped by the target",
    None,
    shape("segment", [[{"x": 0, "y": 0}, {"x": 9e6, "y": 0}, {"x": 9e6, "y": 9}]]),
    2,
)
bad(
    "polygon-100001",
    "100,001 corners",
    "limit.points",
    shape("segment", [[{"x": 1, "y": 1}, {"x": 9, "y": 1}] + [{"x": 9, "y": 9}] * 99_999]),
)
bad(
    "ellipse-minus",
    "a negative radius",
    "value.range",
    shape("ellipse", {"center": {"x": 9, "y": 9}, "rx": -4, "ry": 4, "angle": 0}),
)
bad(
    "ellipse-nan",
    "a radius of NaN",
    "number.not_finite",
    shape("ellipse", {"center": {"x": 9, "y": 9}, "rx": NAN, "ry": 4, "angle": 0}),
)
bad(
    "ellipse-huge",
    "a radius of 1e300",
    "number.range",
    shape("ellipse", {"center": {"x": 9, "y": 9}, "rx": 1e300, "ry": 4, "angle": 0}),
)
bad("point-text", "texts for a point", "type.number", shape("point", {"x": "4", "y": "5"}))
bad("class-coordinates", "coordinates for a class", None, shape("class", [], id="a2"), 2)
bad("attributes-text", "attributes that are a text", "schema.type", shape(attributes="red"))
bad("id-twice", "an id twice", "ref.duplicate_id", shape(), 2)
bad("parent-self", "an annotation that is its own parent", None, shape(parentId="a2"), 2)
bad("parent-loop", "an annotation whose parent is not there", None, shape(parentId="gone"), 2)


def mask(name: str, what: str, code: str | None, value: Any, left: int = 1) -> None:
    bad(f"mask-{name}", what, code, shape("binary", value, id="a2"), left)


mask("good", "a mask", None, data_url(rgba()), 2)
mask("empty", "an empty text", "image.unreadable", "")
mask("prefix-only", "the prefix alone", "image.unreadable", "data:image/png;base64,")
mask("letters", "letters that are none of base64", "base64.invalid", "data:image/png;base64,@@@@")
mask("padding", "padding in the middle", "base64.invalid", "data:image/png;base64,iVBO=Rw0")
mask(
    "jpeg",
    "the type of a JPEG",
    "image.unreadable",
    "data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(40)).decode(),
)
mask(
    "svg",
    "an SVG",
    "image.unreadable",
    "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode(),
)
mask("file", "a file's address", "path.url", "file:///etc/hostname")
mask("number", "a number", "schema.type", 5)
mask("list", "a list of numbers", "schema.type", [1, 2, 3])
mask("cut", "a PNG that is cut", "image.unreadable", data_url(rgba()[:100]))
mask("bomb", "a header of 50,000 squared", "limit.pixels", data_url(header_only(50_000, 50_000, 6)))
mask("clear", "no pixel", None, data_url(png([bytes(4 * WIDTH)] * HEIGHT, kind=6)), 2)
mask(
    "small",
    "a mask of another size",
    "image.size_disagrees",
    data_url(png([b"\xff" * 40] * 10, size=(10, 10), kind=6)),
)
mask(
    "rle-short",
    "run lengths where a picture is due",
    "schema.type",
    {"size": [HEIGHT, WIDTH], "counts": [5]},
)

# -- over frames --------------------------------------------------------------------------
FILM = {
    "filename": "/p.mp4",
    "name": "p.mp4",
    "metadata": {
        "system": {
            "width": WIDTH,
            "height": HEIGHT,
            "mimetype": "video/mp4",
            "fps": 25,
            "nb_frames": 100,
        }
    },
}


def film(
    name: str, what: str, code: str | None, left: int | None, system: dict[str, Any], **more: Any
) -> None:
    good = shape(metadata={"system": {"frame": 0, "endFrame": 5, "objectId": 1}})
    second = shape(
        id="a2", metadata={"system": {"frame": 0, "endFrame": 5, "objectId": 2, **system}}
    )
    outcome = WARN if code else ACCEPT
    root(f"film-{name}", what, outcome, code, item(good, second, **FILM), left, to="cvat", **more)


STATE = {
    "frame": 2,
    "data": [{"x": 5, "y": 5}, {"x": 15, "y": 13}],
    "fixed": True,
    "label": "apple",
    "attributes": [],
    "namedAttributes": {},
    "type": "box",
    "objectVisible": True,
}
film("good", "two tracks", None, 2, {"snapshots_": [STATE]})
film("end-minus", "an end before the start", None, 2, {"frame": 9, "endFrame": 3})
film("frame-minus", "a frame of -5", "value.range", None, {"frame": -5})
film("frame-nan", "a frame of NaN", "number.not_finite", None, {"frame": NAN})
film("frame-text", "a frame that is a text", "type.number", None, {"frame": "two"})
film("frame-1e15", "a frame of 1e15", "limit.frames", None, {"frame": 10**15, "endFrame": 10**15})
film("end-2e63", "an end of 2**63", "limit.frames", None, {"endFrame": 2**63})
film("states-map", "states as an object", "schema.type", None, {"snapshots_": {"2": STATE}})
film("states-null", "null among the states", "schema.type", None, {"snapshots_": [STATE, None]})
film(
    "state-frame",
    "a state without a frame",
    "schema.field",
    None,
    {"snapshots_": [{**STATE, "frame": None}]},
)
film(
    "state-nan",
    "a NaN in a state",
    "number.not_finite",
    None,
    {"snapshots_": [{**STATE, "data": [{"x": NAN, "y": 5}, {"x": 15, "y": 13}]}]},
)
film(
    "state-late",
    "a state far behind the end",
    "limit.frames",
    None,
    {"snapshots_": [{**STATE, "frame": 10**9}]},
)
film(
    "state-twice",
    "two states of one frame",
    "schema.repeated",
    2,
    {"snapshots_": [STATE, {**STATE, "objectVisible": False}]},
)
