"""Hypothesis strategies for affine maps, definitions of each kind, annotations and collections."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from strategies import cubes, ellipses, lines, masks, polygons, rings, rotated_boxes

import dlgeom as dl
from dlgeom import Affine

__all__ = ["FEW", "SOME", "any_maps", "collections", "definitions", "moves", "rigid_maps", "sizes"]

SIZE = (48, 40)


def sizes(most: int = 24) -> st.SearchStrategy[tuple[int, int]]:
    """Draw (width, height)."""
    return st.tuples(st.integers(1, most), st.integers(1, most))


numbers = st.one_of(
    st.integers(-20, 60).map(float),
    st.integers(-160, 480).map(lambda n: n / 8),
    st.floats(-60, 120, allow_nan=False),
)
points = st.tuples(numbers, numbers)
factors = st.one_of(st.sampled_from([0.5, 1.0, 2.0, -1.0]), st.floats(0.2, 5.0))
angles = st.one_of(st.integers(-8, 8).map(lambda n: n * 45.0), st.floats(-720, 720))


@st.composite
def moves(draw: st.DrawFn) -> Affine:
    """Draw one simple map without sizes that has a good inverse."""
    kind = draw(st.sampled_from(["translate", "scale", "uniform", "rotate", "shear", "mirror"]))
    if kind == "translate":
        return Affine.translate(draw(numbers), draw(numbers))
    if kind == "scale":
        return Affine.scale(draw(factors), draw(factors), center=draw(points))
    if kind == "uniform":
        return Affine.scale(draw(factors), center=draw(points))
    if kind == "rotate":
        return Affine.rotate(draw(angles), center=draw(points))
    if kind == "shear":
        lean = st.floats(-40, 40)
        # Both at once may come close to pressing the plane flat.
        if draw(st.booleans()):
            return Affine.shear(draw(lean), center=draw(points))
        return Affine.shear(0, draw(lean), center=draw(points))
    mirror = np.diag([draw(st.sampled_from([1.0, -1.0])), -1.0, 1.0])
    return Affine(mirror)


def any_maps(most: int = 3) -> st.SearchStrategy[Affine]:
    """Draw several simple maps after each other."""

    def joined(some: list[Affine]) -> Affine:
        result = some[0]
        for other in some[1:]:
            result = result.then(other)
        return result

    return st.lists(moves(), min_size=1, max_size=most).map(joined)


@st.composite
def rigid_maps(draw: st.DrawFn) -> Affine:
    """Draw a turn, a shift and perhaps a mirror."""
    turn = Affine.rotate(draw(angles), center=draw(points))
    shift = Affine.translate(draw(numbers), draw(numbers))
    mirror = Affine(np.diag([draw(st.sampled_from([1.0, -1.0])), 1.0, 1.0]))
    return turn.then(shift).then(mirror)


@st.composite
def poses(draw: st.DrawFn) -> dl.Pose:
    """Draw a pose: sided names or others, unlabelled points at 0, 0 or elsewhere, or no points."""
    names = draw(
        st.sampled_from(
            [(), ("nose",), ("left_eye", "right_eye", "nose"), ("a.L", "a.R", "b", "c", "d")]
        )
    )
    given = []
    for name in names:
        visibility = draw(st.sampled_from([0, 1, 2, 2, None]))
        x, y = draw(points)
        if visibility == 0 and draw(st.booleans()):
            x = y = 0.0
        given.append(dl.Point(x, y, name, visibility=visibility))
    return dl.Pose("person", "t", points=given)


@st.composite
def definitions(
    draw: st.DrawFn, *, size: tuple[int, int] = SIZE, kinds: tuple[str, ...] = ()
) -> dl.Definition:
    """Draw a definition of any kind that has a place in the image, or of a few without."""
    every = (
        "box",
        "flat",
        "rotated",
        "polygon",
        "ring",
        "ellipse",
        "polyline",
        "point",
        "pose",
        "cube",
        "note",
        "mask",
        "class",
        "gis",
        "cube_3d",
    )
    kind = draw(st.sampled_from(kinds or every))
    label = draw(st.sampled_from(["cat", "dog"]))
    if kind in ("box", "flat", "note"):
        a, b = draw(points), draw(points)
        left, top, right, bottom = *map(min, a, b), *map(max, a, b)
        if kind == "flat":
            right = left if draw(st.booleans()) else right
            bottom = top if right > left or draw(st.booleans()) else bottom
        if kind == "note":
            return dl.Note(left, top, right, bottom, label)
        return dl.Box(left, top, right, bottom, label)
    if kind == "rotated":
        return dl.Box.from_rotated(draw(rotated_boxes(max_rows=1))[0], label)
    if kind == "polygon":
        return dl.Polygon.from_parts(draw(polygons(max_parts=2, cell=12.0)), label)
    if kind == "ring":
        # What is left without the vertices that close it is a ring still.
        closed = rings(min_points=4).filter(lambda xy: bool((xy[2:] != xy[0]).any()))
        return dl.Polygon(draw(closed), label)
    if kind == "ellipse":
        return dl.Ellipse(*draw(ellipses(max_rows=1))[0].tolist(), label)
    if kind == "polyline":
        return dl.Polyline(draw(st.lists(lines(), min_size=1, max_size=2)), label)
    if kind == "point":
        return dl.Point(*draw(points), label)
    if kind == "pose":
        return draw(poses())
    if kind == "cube":
        return dl.Cube.from_points(draw(cubes()), label)
    if kind == "mask":
        return dl.Segmentation(draw(masks(shape=(size[1], size[0]))), label)
    if kind == "gis":
        return dl.Gis("point", [34.8, 32.1], label)
    if kind == "cube_3d":
        return dl.Cube3d(label, [0, 0, 9], [1, 2, 3], [0, 0, 0])
    return dl.Classification(label)


@st.composite
def _annotations(draw: st.DrawFn, size: tuple[int, int]) -> dl.Annotation:
    shape = draw(definitions(size=size))
    made = dl.Annotation(
        shape,
        id=draw(st.none() | st.integers(1, 9)),
        score=draw(st.none() | st.floats(0, 1)),
        object_id=draw(st.none() | st.just("3")),
        extra=draw(st.sampled_from([{}, {"truncated": 1}])),
    )
    if shape.bounds[0] == shape.bounds[0] and draw(st.booleans()):
        made.stored_bounds, made.stored_area = shape.bounds, shape.area
    if draw(st.integers(0, 4)) == 0:
        made.companions = (draw(definitions(size=size, kinds=("box", "rotated", "polygon"))),)
    if draw(st.integers(0, 4)) == 0:
        made.children = (dl.Annotation(draw(definitions(size=size, kinds=("box", "point")))),)
    if draw(st.integers(0, 3)) == 0:
        kinds = {"binary": "mask", "segment": "polygon", "class": "class", "note": "note"}
        kind = kinds.get(shape.type, shape.type)
        for frame in draw(st.lists(st.integers(1, 9), max_size=3, unique=True)):
            made.add_frame(draw(definitions(size=size, kinds=(kind,))), frame)
        if draw(st.booleans()):
            made.set_frame(made.end_frame)
    return made


@st.composite
def collections(
    draw: st.DrawFn, *, size: tuple[int, int] = SIZE, most: int = 4
) -> dl.AnnotationCollection:
    """Draw a collection of an item of a known size: tracks, companions, children included."""
    item = dl.Item(name="a/b.jpg", width=size[0], height=size[1])
    return dl.AnnotationCollection(item, draw(st.lists(_annotations(size), max_size=most)))


SOME = settings(max_examples=min(settings().max_examples, 250))
FEW = settings(max_examples=min(settings().max_examples, 100))
"""Caps for laws of which one example takes some milliseconds, or tens of them."""
