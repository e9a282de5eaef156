"""Strategies of `dlgeom.testing` for chunks and definitions, under the names of our tests."""

from __future__ import annotations

from hypothesis import strategies as st

from dlgeom.chunk import Chunk
from dlgeom.definitions import Definition
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


def definitions() -> st.SearchStrategy[Definition]:
    """Draw a definition of any type, with any label, attributes and description."""
    return strategies.definitions()


def chunks() -> st.SearchStrategy[Chunk]:
    """Draw a grouped chunk with any columns, several shapes in a row, and empty items."""
    return strategies.chunks()
