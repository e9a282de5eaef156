"""Hypothesis strategies for shapes and tracks that CVAT's XML holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import dlgeom as dl

SIZE = (40, 30)
KINDS = ("box", "turned", "polygon", "polyline", "point", "points", "ellipse", "cube", "pose")

numbers = st.integers(-400, 1600).map(lambda n: n / 40) | st.floats(-1e4, 1e4, width=32)
labels = st.sampled_from(["car", "two words", 'q"<&>', "Fußgänger"])
texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=6
) | st.sampled_from([" x ", "a\nb", "\t", "1", "true", "<&>\"'", "a\rb"])


@st.composite
def attributes(draw: st.DrawFn, *, held: bool = False) -> dict[str, Any]:
    """Return attributes, each name with one type; with `held` those of text are always there."""
    found: dict[str, Any] = {}
    if held or draw(st.booleans()):
        found["text"] = draw(texts)
    if draw(st.booleans()):
        found["count"] = draw(st.integers(-(10**15), 10**15))
    if draw(st.booleans()):
        found["share"] = draw(st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: x + 0.0))
    if draw(st.booleans()):
        found["set"] = draw(st.booleans())
    if draw(st.booleans()):
        found["occluded"] = True
    if draw(st.booleans()):
        found["z_order"] = draw(st.integers(-5, 5).filter(bool))
    return found


@st.composite
def shapes(draw: st.DrawFn, kind: str, label: str, *, held: bool = False) -> dl.Definition:
    """Return a shape of one of `KINDS`, "mask" or "empty mask"."""
    x, y = draw(numbers), draw(numbers)
    w, h = abs(draw(numbers)), abs(draw(numbers))
    found = draw(attributes(held=held))
    if kind == "box":
        return dl.Box(x, y, x + w, y + h, label, found)
    if kind == "turned":
        x, y, w, h = (round(v, 2) for v in (x, y, w, h))
        angle = draw(st.integers(1, 1439)) / 4
        edges = (x, y, round(x + w, 2), round(y + h, 2))
        return dl.Box(*edges, label, found, angle=angle)
    if kind == "ellipse":
        return dl.Ellipse(x, y, w, h, draw(st.integers(0, 1439)) / 4, label, found)
    if kind == "point":
        return dl.Point(x, y, label, found)
    count = {"polygon": (3, 6), "polyline": (2, 5), "points": (2, 4), "cube": (8, 8)}.get(kind)
    if count is not None:
        xy = [(draw(numbers), draw(numbers)) for _ in range(draw(st.integers(*count)))]
        if kind == "polygon":
            # Vertices of their own: a ring that closes itself is kept without its end.
            xy = [(px + 2e4 * k, py) for k, (px, py) in enumerate(xy)]
            return dl.Polygon(np.array(xy), label, found)
        if kind == "polyline":
            return dl.Polyline(np.array(xy), label, found)
        if kind == "cube":
            return dl.Cube.from_points(np.array(xy), label, None, found)
        nodes = [dl.Point(*p, str(k)) for k, p in enumerate(xy)]
        return dl.Pose(label, None, attributes=found, points=nodes)
    if kind == "pose":
        nodes = [
            dl.Point(draw(numbers), draw(numbers), name, visibility=draw(st.integers(0, 2)))
            for name in ("nose", "left & right", "3")
        ]
        return dl.Pose(label, None, attributes=found, points=nodes, skeleton=[(0, 1), (2, 1)])
    mask = np.zeros(SIZE[::-1], dtype=bool)
    if kind == "mask":
        a, b = draw(st.integers(0, 30)), draw(st.integers(0, 20))
        cells = draw(st.lists(st.booleans(), min_size=12, max_size=12))
        mask[b : b + 3, a : a + 4] = np.reshape(cells, (3, 4))
    return dl.Segmentation(mask, label, found)


@st.composite
def tracks(draw: st.DrawFn, thing: int, *, mixed: bool = False) -> dl.Annotation:
    """Return an annotation over frames: one kind and label, or, `mixed`, several of both."""
    frames = draw(st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True))
    kind, label = draw(st.sampled_from([*KINDS, "mask"])), draw(labels)
    keyframes = []
    for frame in frames:
        if mixed and draw(st.booleans()):
            label = draw(labels)
        if mixed and draw(st.booleans()):
            kind = draw(st.sampled_from(["box", "ellipse", "mask", "pose"]))
        # Labels of skeletons are theirs alone.
        name = f"{label} {kind}" if kind == "pose" else label
        shape = draw(shapes(kind, name, held=True))
        keyframes.append((frame, shape, draw(st.booleans() | st.just(True))))
    states = sorted(keyframes, key=lambda entry: entry[0])
    first, *later = (dl.FrameAnnotation(shape, f, True, seen) for f, shape, seen in states)
    return dl.Annotation(
        first.annotation_definition,
        object_id=str(thing * 7 + 3),
        frame_num=first.frame_num,
        object_visible=first.object_visible,
        end_frame_num=states[-1][0] + draw(st.integers(0, 3)),
        later=tuple(later),
        interpolation=draw(st.sampled_from(["hold", "linear", "approach"])),
        source=draw(st.sampled_from([None, "manual", "auto"])),
    )
