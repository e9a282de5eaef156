"""Strategies for definitions that say something, or whose place is not in pixels."""

from __future__ import annotations

from typing import Any, Unpack

from hypothesis import strategies as st

from dlgeom.definitions import (
    Classification,
    Comparison,
    Cube3d,
    Description,
    FreeText,
    Gis,
    Message,
    Note,
    RefImage,
    Subtitle,
    Text,
    UndefinedAnnotationType,
)
from dlgeom.testing.strategies import numbers, values
from dlgeom.testing.strategies.knobs import Knobs, rests_of, spaces_of
from dlgeom.testing.strategies.shapes import edges

__all__ = [
    "classifications",
    "comparisons",
    "cubes_3d",
    "descriptions",
    "free_texts",
    "gis",
    "messages",
    "notes",
    "ref_images",
    "subtitles",
    "text_marks",
    "undefined",
]


@st.composite
def classifications(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Classification:
    """Draw a `Classification`."""
    return Classification(*draw(rests_of(knobs)))


@st.composite
def descriptions(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Description:
    """Draw a `Description`."""
    label, attributes, description = draw(rests_of(knobs))
    return Description(draw(values.names()), description, label, attributes)


@st.composite
def subtitles(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Subtitle:
    """Draw a `Subtitle`."""
    return Subtitle(draw(values.names()), *draw(rests_of(knobs)))


@st.composite
def free_texts(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> FreeText:
    """Draw a `FreeText`."""
    return FreeText(draw(values.names()), *draw(rests_of(knobs)))


@st.composite
def text_marks(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Text:
    """Draw a `Text`, a span of a text item."""
    space, rest = draw(spaces_of(knobs)), draw(rests_of(knobs))
    kind = draw(st.sampled_from(["block", "paragraph"]) | values.names())
    span = st.tuples(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
    top, left = draw(st.none() | space.y), draw(st.none() | space.x)
    return Text(kind, *draw(span), rest[0], top, left, *rest[1:])


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Draw one message of a note."""
    times = st.none() | st.integers(0, 1 << 42) | st.floats(0, 1e13)
    texts = values.texts()
    return Message(draw(texts), draw(texts), draw(times), draw(texts))


@st.composite
def notes(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Note:
    """Draw a `Note`, a box with a discussion."""
    space, rest = draw(spaces_of(knobs)), draw(rests_of(knobs))
    texts = values.texts()
    return Note(
        *edges(draw, space, knobs.get("degenerate")),
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
def ref_images(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> RefImage:
    """Draw a `RefImage`."""
    refs = values.names() | st.just("https://example.com/a.png")
    kind, mimetype = draw(values.texts()), draw(values.texts())
    return RefImage(draw(refs), kind, mimetype, *draw(rests_of(knobs)))


@st.composite
def comparisons(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Comparison:
    """Draw a `Comparison`, of any JSON."""
    return Comparison(draw(values.json_values()), *draw(rests_of(knobs)))


@st.composite
def undefined(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> UndefinedAnnotationType:
    """Draw an `UndefinedAnnotationType`, of any JSON."""
    label, *rest = draw(rests_of(knobs))
    kind, coordinates = draw(values.names()), draw(values.json_values())
    return UndefinedAnnotationType(kind, label, coordinates, *rest)


@st.composite
def gis(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Gis:
    """Draw a `Gis`: positions in degrees, in lists of any depth up to three."""
    position = st.lists(st.floats(-180, 180), min_size=2, max_size=3)
    nested = position | st.lists(position, max_size=2) | st.lists(st.lists(position), max_size=2)
    kind = draw(st.sampled_from(["box", "point", "polygon", "polyline"]))
    return Gis(kind, draw(nested), *draw(rests_of(knobs)))


@st.composite
def cubes_3d(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Cube3d:
    """Draw a `Cube3d`; a degenerate one has no volume."""
    label, *rest = draw(rests_of(knobs))
    degenerate = knobs.get("degenerate")
    vector = st.lists(numbers.coordinates(), min_size=3, max_size=3)
    scale: list[Any] = draw(vector)
    if degenerate:
        scale[draw(st.integers(0, 2))] = 0.0
    elif degenerate is False:
        # No side so short that the volume is 0.
        scale = [side if abs(side) >= 0.05 else 1.0 for side in scale]
    return Cube3d(label, draw(vector), scale, draw(vector), *rest)
