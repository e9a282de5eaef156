"""Strategies for chunks, the columns that travel from reader to writer."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
from dlgeom.definitions import Box, Definition, Polygon, Pose, Segmentation
from dlgeom.geometry.ragged import Ragged, Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable
from dlgeom.testing.strategies import values
from dlgeom.testing.strategies.anything import STRATEGIES, definitions
from dlgeom.testing.strategies.arrays import box_arrays, rotated_box_arrays
from dlgeom.testing.strategies.numbers import coordinates
from dlgeom.testing.strategies.pixels import runs
from dlgeom.testing.strategies.vertices import outlines

__all__ = ["chunks", "definitions_without_column"]

WITHOUT_COLUMN = [cls for cls in STRATEGIES if cls not in (Box, Polygon, Pose, Segmentation)]


def definitions_without_column(
    label: Any = ..., *, with_rest: bool = True
) -> st.SearchStrategy[Definition]:
    """Draw a definition that a chunk has no column for, with a given or any label."""
    knobs: dict[str, Any] = {} if label is ... else {"labels": st.just(label)}
    if not with_rest:
        knobs |= {"attributes": False, "descriptions": False}
    return definitions(WITHOUT_COLUMN, **knobs)


@st.composite
def _items(draw: st.DrawFn) -> list[Item]:
    return [
        Item(
            name=draw(values.texts()),
            width=draw(st.none() | st.integers(1, 99)),
            id=draw(values.ids()),
            fields=draw(st.none() | values.fields()),
            number=number,
        )
        for number in range(draw(st.integers(0, 4)))
    ]


def _sparse(draw: st.DrawFn, rows: int, entries: st.SearchStrategy[Any]) -> dict[int, Any]:
    """Draw a value for some of the rows."""
    return {row: draw(entries) for row in range(rows) if draw(st.booleans())}


@st.composite
def _keypoints(draw: st.DrawFn) -> NDArray[np.float64]:
    row = st.tuples(coordinates(), coordinates(), values.visibilities().map(float))
    return np.array(draw(st.lists(row, min_size=1, max_size=3)))


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
def chunks(draw: st.DrawFn, *, children: st.SearchStrategy[Definition] | None = None) -> Chunk:
    """Draw a grouped chunk with any columns, several shapes in a row, and empty items.

    Parameters
    ----------
    children : strategy, optional
        What to draw the definitions of children from; any definitions if not given.
    """
    items = draw(_items())
    n = draw(st.integers(0, 6)) if items else 0
    labels = LabelTable(
        Label(name=name, id=k, keypoints=("a", "b"), skeleton=((0, 1),))
        for k, name in enumerate(draw(st.lists(values.names(), max_size=3)))
    )
    maybe = st.booleans()
    extra = values.fields() | st.just({"attributes": ["a", "b"]})
    child = (definitions() if children is None else children).map(Annotation)
    columns: dict[str, Any] = {
        "item": np.array(
            sorted(draw(st.integers(0, len(items) - 1)) for _ in range(n)), dtype=np.int32
        ),
        "label": np.array(
            [draw(st.integers(-1, len(labels) - 1)) for _ in range(n)], dtype=np.int32
        ),
        "bounds": np.full((n, 4), np.nan),
        "rotated": np.full((n, 5), np.nan),
        "ids": [draw(values.ids()) for _ in range(n)],
        "attributes": _sparse(draw, n, values.fields()),
        "extra": _sparse(draw, n, extra),
        "children": _sparse(draw, n, st.lists(child, min_size=1, max_size=2)),
        "others": {},
    }
    for row in range(n):
        if draw(maybe):
            columns["bounds"][row] = draw(box_arrays(max_rows=1))[0]
        if draw(maybe):
            columns["rotated"][row] = draw(rotated_box_arrays(max_rows=1))[0]
    _others(draw, columns, n, labels)
    columned = [row not in columns["others"] for row in range(n)]
    outline = [draw(outlines()) if ok and draw(maybe) else None for ok in columned]
    masks = [draw(runs(6, canonical=False)) if ok and draw(maybe) else None for ok in columned]
    keypoints = [draw(_keypoints()) if ok and draw(maybe) else None for ok in columned]
    numbers = st.floats(0, 1e6)
    return Chunk.build(
        items=items,
        labels=labels,
        outline=Rings.of(outline),
        runs=Runs.of(masks),
        keypoints=Ragged.of(keypoints),
        score=np.array([draw(numbers) if draw(maybe) else np.nan for _ in range(n)]).reshape(n),
        area=np.array([draw(numbers) if draw(maybe) else np.nan for _ in range(n)]).reshape(n),
        crowd=np.array([draw(maybe) for _ in range(n)], dtype=bool),
        **columns,
    )
