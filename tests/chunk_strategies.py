"""Strategies of `dlgeom.testing` for chunks and definitions, under the names of our tests."""

from __future__ import annotations

from hypothesis import strategies as st

import dlgeom.definitions
from dlgeom.chunk import Chunk
from dlgeom.definitions import Definition, Point, Polygon, Pose
from dlgeom.testing import strategies

__all__ = [
    "attribute_values",
    "chunks",
    "definitions",
    "definitions_without_column",
    "json_values",
    "messages",
    "notes",
]

attribute_values = strategies.attributes
definitions_without_column = strategies.definitions_without_column
json_values = strategies.json_values()
messages = strategies.messages
notes = strategies.notes

OTHERS = [
    cls
    for name in dlgeom.definitions.__all__
    if isinstance(cls := getattr(dlgeom.definitions, name), type)
    and issubclass(cls, Definition)
    and cls not in (Definition, Polygon, Pose)
]


@st.composite
def _poses(draw: st.DrawFn) -> Pose:
    """Draw a pose whose points all say how visible they are, as columns hold them."""
    given = draw(strategies.poses())
    points = [Point(p.x, p.y, p.label, visibility=p.visibility or 0) for p in given.points]
    edges = [(0, len(points) - 1)] if points else []
    return Pose(given.label, "t", "i", given.attributes, points, given.description, skeleton=edges)


def definitions() -> st.SearchStrategy[Definition]:
    """Draw a definition of any type, with any label, attributes and description."""
    return strategies.definitions(OTHERS) | strategies.polygons() | _poses()


def chunks() -> st.SearchStrategy[Chunk]:
    """Draw a grouped chunk with any columns, several shapes in a row, and empty items."""
    return strategies.chunks(children=definitions())
