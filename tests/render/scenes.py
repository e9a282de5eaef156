"""Scenes for the tests of drawing: definitions of all kinds in and around small images."""

from __future__ import annotations

import numpy as np
import strategies as shapes
from hypothesis import settings
from hypothesis import strategies as st

import dlgeom as dl

SOME = settings(max_examples=min(settings.default.max_examples, 300))
"""Scenes hold several shapes each, and every one costs milliseconds."""

LABELS = ("a", "b", "c", "d")


def _has_three(ring) -> bool:
    """Tell whether three vertices are left without those at the end that repeat the first."""
    other = np.flatnonzero((ring != ring[0]).any(axis=1))
    return len(ring) >= 3 and (len(other) == 0 or other[-1] >= 2 or (ring[0] != ring[-1]).any())


@st.composite
def definitions(draw: st.DrawFn, shape: tuple[int, int]) -> dl.Definition:
    """Draw a definition of any kind; also one that leaves the image, or draws nothing."""
    label = draw(st.sampled_from(LABELS))
    kind = draw(st.sampled_from(("mask", "polygon", "box", "turned", "ellipse", "line", "point",
                                 "cube", "note", "pose", "class")))  # fmt: skip
    number = shapes.coordinates()
    if kind == "mask":
        bits = draw(st.lists(st.booleans(), min_size=4, max_size=4))
        mask = np.zeros(shape, dtype=bool)
        top, left = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
        mask[top : top + 5, left : left + 4] = True
        mask[:: 3 if bits[0] else 1, :: 2 if bits[1] else 1] &= bits[2]
        return dl.Segmentation(mask, label)
    if kind == "polygon":
        return dl.Polygon.from_parts([[draw(shapes.rings().filter(_has_three))]], label)
    if kind == "line":
        return dl.Polyline(draw(shapes.lines()), label)
    if kind == "point":
        return dl.Point(draw(number), draw(number), label)
    if kind == "cube":
        return dl.Cube.from_points(draw(shapes.cubes()), label)
    if kind == "class":
        return dl.Classification(label)
    if kind == "pose":
        points = [
            dl.Point(draw(number), draw(number), name, visibility=draw(st.integers(0, 2)))
            for name in "xyz"
        ]
        return dl.Pose(label, "t", points=points, skeleton=[(0, 1), (1, 2)])
    if kind == "ellipse":
        size = st.floats(0, 12)
        return dl.Ellipse(
            draw(number), draw(number), draw(size), draw(size), draw(st.floats(-180, 180)), label
        )
    xs, ys = sorted((draw(number), draw(number))), sorted((draw(number), draw(number)))
    if kind == "note":
        return dl.Note(xs[0], ys[0], xs[1], ys[1], label)
    angle = draw(st.floats(-180, 180)) if kind == "turned" else None
    return dl.Box(xs[0], ys[0], xs[1], ys[1], label, angle=angle)


@st.composite
def scenes(draw: st.DrawFn, *, most: int = 6) -> dl.AnnotationCollection:
    """Draw a collection of an item with a size."""
    shape = draw(st.tuples(st.integers(1, 20), st.integers(1, 24)))
    found = draw(st.lists(definitions(shape), max_size=most))
    builder = dl.Item(width=shape[1], height=shape[0]).annotations.builder()
    for number, definition in enumerate(found):
        builder.add(definition, object_id=number % 3)
    return builder
