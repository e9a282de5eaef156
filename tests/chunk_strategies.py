"""Hypothesis strategies for chunks, definitions and annotations."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from strategies import (
    boxes,
    coordinates,
    cubes,
    ellipses,
    lines,
    masks,
    polygons,
    rings,
    rotated_boxes,
)

from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
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
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import Ragged, Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable

__all__ = ["attribute_values", "chunks", "definitions", "definitions_without_column"]

names = st.text(max_size=6)
texts = st.none() | names
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e300, 1e300) | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
fields = st.dictionaries(names, values, min_size=1, max_size=3)
ids = st.none() | st.integers(-5, 1 << 80) | names
visibilities = st.sampled_from([0, 1, 2])


def attribute_values() -> st.SearchStrategy[dict[str, Any] | list[str] | None]:
    """Draw attributes of both forms, or none."""
    return st.none() | fields | st.lists(names, max_size=3)


@st.composite
def _points(draw: st.DrawFn) -> Point:
    return Point(
        draw(coordinates()), draw(coordinates()), draw(names), visibility=draw(visibilities)
    )


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Draw one message of a note."""
    times = st.none() | st.integers(0, 1 << 42) | st.floats(0, 1e13)
    return Message(draw(texts), draw(texts), draw(times), draw(texts))


@st.composite
def notes(draw: st.DrawFn, rest: tuple[Any, Any, Any] = (None, None, None)) -> Note:
    """Draw a note; `rest` is its label, attributes and description."""
    return Note(
        *draw(boxes(max_rows=1))[0].tolist(),
        rest[0],
        rest[1],
        messages=draw(st.none() | st.lists(messages(), max_size=3)),
        status=draw(texts),
        assignee=draw(texts),
        create_time=draw(st.none() | st.integers(0, 1 << 42)),
        creator=draw(texts),
        description=rest[2],
    )


@st.composite
def _cubes(draw: st.DrawFn, rest: tuple[Any, Any, Any]) -> Cube:
    angle = draw(st.none() | st.floats(-720, 720))
    if draw(st.booleans()):
        return Cube.from_points(draw(cubes()), rest[0], angle, *rest[1:])
    front, back = draw(boxes(max_rows=1))[0].tolist(), draw(boxes(max_rows=1))[0].tolist()
    return Cube.from_boxes_and_angle(*front, *back, rest[0], angle, *rest[1:])


@st.composite
def _texts(draw: st.DrawFn, rest: tuple[Any, Any, Any]) -> Text:
    place = st.none() | coordinates()
    offsets = st.integers(0, 1 << 40)
    return Text(
        draw(st.sampled_from(["block", "paragraph"]) | names),
        draw(offsets),
        draw(offsets),
        rest[0],
        draw(place),
        draw(place),
        *rest[1:],
    )


WITHOUT_COLUMN = (
    Classification,
    Comparison,
    Cube,
    Cube3d,
    Description,
    Ellipse,
    FreeText,
    Gis,
    Note,
    Point,
    Polyline,
    RefImage,
    Subtitle,
    Text,
    UndefinedAnnotationType,
)


@st.composite
def definitions_without_column(
    draw: st.DrawFn, label: Any = ..., *, with_rest: bool = True
) -> Definition:
    """Draw a definition that a chunk has no column for, with a given or any label."""
    rest: tuple[Any, Any, Any] = (
        draw(texts) if label is ... else label,
        draw(attribute_values()) if with_rest else None,
        draw(texts) if with_rest else None,
    )
    kind = draw(st.sampled_from(WITHOUT_COLUMN))
    if kind is Polyline:
        one = draw(st.booleans())
        return Polyline(draw(lines()) if one else draw(st.lists(lines(), min_size=1)), *rest)
    if kind is Ellipse:
        return Ellipse(*draw(ellipses(max_rows=1))[0].tolist(), *rest)
    if kind is Cube:
        return draw(_cubes(rest))
    if kind is Cube3d:
        vector = st.lists(coordinates(), min_size=3, max_size=3)
        return Cube3d(rest[0], draw(vector), draw(vector), draw(vector), *rest[1:])
    if kind is Note:
        return draw(notes(rest))
    if kind is Text:
        return draw(_texts(rest))
    if kind is Point:
        seen = draw(st.none() | visibilities)
        return Point(draw(coordinates()), draw(coordinates()), *rest, visibility=seen)
    if kind is Gis:
        position = st.lists(st.floats(-180, 180), min_size=2, max_size=3)
        nested = (
            position | st.lists(position, max_size=2) | st.lists(st.lists(position), max_size=2)
        )
        return Gis(
            draw(st.sampled_from(["box", "point", "polygon", "polyline"])), draw(nested), *rest
        )
    if kind is RefImage:
        refs = names | st.just("https://example.com/a.png")
        return RefImage(draw(refs), draw(texts), draw(texts), *rest)
    if kind is Comparison:
        return Comparison(draw(json_values), *rest)
    if kind is UndefinedAnnotationType:
        return UndefinedAnnotationType(draw(names), rest[0], draw(json_values), *rest[1:])
    if kind is Description:
        return Description(draw(names), rest[2], rest[0], rest[1])
    if kind is Classification:
        return Classification(*rest)
    return kind(draw(names), *rest)


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Draw a definition of any type, with any label, attributes and description."""
    rest = (draw(texts), draw(attribute_values()), draw(texts))
    kind = draw(st.sampled_from(["box", "turned", "ring", "parts", "mask", "pose", "", "", "", ""]))
    if kind == "box":
        return Box(*draw(boxes(max_rows=1))[0].tolist(), *rest)
    if kind == "turned":
        return Box.from_rotated(draw(rotated_boxes(max_rows=1))[0], *rest)
    if kind == "ring":
        ring = draw(rings().filter(lambda ring: len(ring) > 4))
        return Polygon(ring, *rest)
    if kind == "parts":
        return Polygon.from_parts(draw(polygons()), *rest)
    if kind == "mask":
        return Segmentation(draw(masks(8)), *rest)
    if kind == "pose":
        points = draw(st.lists(_points(), max_size=4))
        edges = [(0, len(points) - 1)] if points else []
        return Pose(rest[0], "t", "i", rest[1], points, rest[2], skeleton=edges)
    return draw(definitions_without_column())


@st.composite
def _items(draw: st.DrawFn) -> list[Item]:
    return [
        Item(
            name=draw(texts),
            width=draw(st.none() | st.integers(1, 99)),
            id=draw(ids),
            fields=draw(st.none() | fields),
            number=number,
        )
        for number in range(draw(st.integers(0, 4)))
    ]


def _sparse(draw: st.DrawFn, rows: int, entries: st.SearchStrategy[Any]) -> dict[int, Any]:
    """Draw a value for some of the rows."""
    return {row: draw(entries) for row in range(rows) if draw(st.booleans())}


@st.composite
def _keypoints(draw: st.DrawFn) -> np.ndarray:
    row = st.tuples(coordinates(), coordinates(), visibilities.map(float))
    return np.array(draw(st.lists(row, min_size=1, max_size=3)))


@st.composite
def _runs(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int]]:
    mask = draw(masks(6))
    counts = rle.encode(mask)
    if draw(st.booleans()):  # legal, though not canonical
        counts = np.concatenate([counts, np.zeros(2, dtype=counts.dtype)])
    return counts, mask.shape


def _others(draw: st.DrawFn, chunk: dict[str, Any], rows: int, labels: LabelTable) -> None:
    """Give some rows an object, with or without the fields that the columns tell."""
    for row in range(rows):
        if draw(st.integers(0, 5)) != 0:
            continue
        index = int(chunk["label"][row])
        name = labels[index].name if index >= 0 else None
        other = Annotation(draw(definitions_without_column(name, with_rest=False)))
        if draw(st.booleans()):
            other.id = chunk["ids"][row]
            other.extra = dict(chunk["extra"].get(row, {}))
            other.attributes = chunk["attributes"].get(row)
        chunk["rotated"][row] = np.nan
        chunk["others"][row] = other


@st.composite
def chunks(draw: st.DrawFn) -> Chunk:
    """Draw a grouped chunk with any columns, several shapes in a row, and empty items."""
    items = draw(_items())
    n = draw(st.integers(0, 6)) if items else 0
    labels = LabelTable(
        Label(name=name, id=k, keypoints=("a", "b"), skeleton=((0, 1),))
        for k, name in enumerate(draw(st.lists(names, max_size=3)))
    )
    maybe = st.booleans()
    columns: dict[str, Any] = {
        "item": np.array(
            sorted(draw(st.integers(0, len(items) - 1)) for _ in range(n)), dtype=np.int32
        ),
        "label": np.array(
            [draw(st.integers(-1, len(labels) - 1)) for _ in range(n)], dtype=np.int32
        ),
        "bounds": np.full((n, 4), np.nan),
        "rotated": np.full((n, 5), np.nan),
        "ids": [draw(ids) for _ in range(n)],
        "attributes": _sparse(draw, n, fields),
        "extra": _sparse(draw, n, fields | st.just({"attributes": ["a", "b"]})),
        "children": _sparse(
            draw, n, st.lists(definitions().map(Annotation), min_size=1, max_size=2)
        ),
        "others": {},
    }
    for row in range(n):
        if draw(maybe):
            columns["bounds"][row] = draw(boxes(max_rows=1))[0]
        if draw(maybe):
            columns["rotated"][row] = draw(rotated_boxes(max_rows=1))[0]
    _others(draw, columns, n, labels)
    columned = [row not in columns["others"] for row in range(n)]
    outline = [draw(polygons()) if ok and draw(maybe) else None for ok in columned]
    runs = [draw(_runs()) if ok and draw(maybe) else None for ok in columned]
    keypoints = [draw(_keypoints()) if ok and draw(maybe) else None for ok in columned]
    numbers = st.floats(0, 1e6)
    return Chunk.build(
        items=items,
        labels=labels,
        outline=Rings.of(outline),
        runs=Runs.of(runs),
        keypoints=Ragged.of(keypoints),
        score=np.array([draw(numbers) if draw(maybe) else np.nan for _ in range(n)]).reshape(n),
        area=np.array([draw(numbers) if draw(maybe) else np.nan for _ in range(n)]).reshape(n),
        crowd=np.array([draw(maybe) for _ in range(n)], dtype=bool),
        **columns,
    )
