"""Hypothesis strategies for conditions, and a plain evaluation of them object by object."""

from __future__ import annotations

import math
import operator
import re
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.definitions import (
    Box,
    Classification,
    Description,
    Point,
    Polygon,
    Pose,
    Segmentation,
)
from dlgeom.filters.parser import compare, membership
from dlgeom.filters.tree import (
    And,
    AnyOf,
    Compare,
    Constant,
    Exists,
    Field,
    In,
    Node,
    Not,
    Or,
)
from dlgeom.item import Item

__all__ = ["conditions", "meets", "plain_chunks", "rows_met"]

NUMBERS = ("score", "area", "left", "top", "right", "bottom", "width", "height", "angle")
COUNTS = ("points", "keypoints", "parts", "holes")
texts = st.sampled_from(["", "a", "b", "ab", "box", "pose", "segment", "binary", "class", "point"])
numbers = st.sampled_from([-1, 0, 1, 2, 5, 0.5, 24, 1e3])
keys = st.sampled_from(["", "a", "b", "c"])


@st.composite
def leaves(draw: st.DrawFn) -> Node:
    kind = draw(st.sampled_from(["number", "count", "text", "flag", "any", "image"]))
    if kind == "text":
        field = Field(draw(st.sampled_from(["label", "type", "image.name"])))
        literal: Any = draw(texts)
        signs = ["==", "!=", "<", ">=", "~"]
    elif kind == "flag":
        field, literal, signs = Field("crowd"), draw(st.booleans()), ["==", "!="]
    elif kind == "any":
        name = draw(st.sampled_from(["attributes", "extra", "id", "image.id", "image.extra"]))
        field = Field(name, () if name.endswith("id") else (draw(keys),))
        literal = draw(texts | numbers | st.booleans())
        signs = ["==", "!="] if isinstance(literal, bool) else ["==", "!=", "<", ">"]
    else:
        known = {"number": NUMBERS, "count": COUNTS, "image": ("image.width", "image.height")}
        field, literal = Field(draw(st.sampled_from(known[kind]))), draw(numbers)
        signs = ["==", "!=", "<", "<=", ">", ">="]
    shape = draw(st.sampled_from(["compare", "in", "exists", "fields"]))
    if shape == "in":
        return membership(field, [literal, *draw(st.lists(st.just(literal), max_size=1))])
    if shape == "exists":
        return Exists(field)
    if shape == "fields" and kind in ("number", "count"):
        other = Field(draw(st.sampled_from((*NUMBERS, *COUNTS, "image.width"))))
        return compare(field, draw(st.sampled_from(["==", "<", ">="])), other)
    return compare(field, draw(st.sampled_from(signs)), literal)


def conditions(*, joins: bool = False) -> st.SearchStrategy[Node]:
    """Draw a condition; with `joins` it may look at the other annotations of an image."""

    def grow(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        lists = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.one_of(lists.map(And), lists.map(Or), inner.map(Not))

    leaf = leaves() | st.booleans().map(Constant)
    return st.recursive(leaf | leaf.map(AnyOf) if joins else leaf, grow, max_leaves=4)


SHAPES = (
    Box(1, 2, 3, 5, "a", {"a": 1, "c": "true"}),
    Box(0, 0, 24, 1, "b", angle=30),
    Polygon.from_parts([[[[0, 0], [5, 0], [0, 5]], [[1, 1], [2, 1], [1, 2]]]], "a", ["a", "b"]),
    Segmentation(np.eye(5, 6), "b", {"b": [1, "x"], "": True}),
    Pose("pose", None, points=[Point(1, 2, "x"), Point(3, 4, "y", visibility=0)]),
    Point(5, 1, None, {"a": "5"}),
    Classification("class"),
    Description("words"),
)
ITEMS = tuple(
    Item(name=name, width=width, id=width, number=number, fields={"a": number} if number else None)
    for number, (name, width) in enumerate([("a", 24), ("/a/b", None), (None, 5), ("b", 1)])
)


def _chunk(choice: list[tuple[int, int, bool, bool]]) -> Chunk:
    """Return a chunk with (image, shape, whether it has a score, a stored area) for each row."""
    collections = [AnnotationCollection(item) for item in ITEMS]
    for place, shape, scored, sized in choice:
        annotation = Annotation(SHAPES[shape], place, crowd=scored and sized)
        annotation.score = 0.5 if scored else None
        annotation.stored_area = 5.0 if sized else None
        collections[place].add(annotation)
    return Chunk.of(zip(ITEMS, collections, strict=True))


def plain_chunks() -> st.SearchStrategy[Chunk]:
    """Draw a chunk of a few shapes: cheap, for laws that hold whatever the numbers."""
    row = st.tuples(
        st.integers(0, 3), st.integers(0, len(SHAPES) - 1), st.booleans(), st.booleans()
    )
    return st.lists(row, max_size=5).map(_chunk)


# -- object by object, in plain Python ----------------------------------------------------------

ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


def meets(node: Node, annotation: Annotation, item: Item, all_of_item: list[Annotation]) -> bool:
    """Whether an annotation meets a condition."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Not):
        return not meets(node.inner, annotation, item, all_of_item)
    if isinstance(node, And):
        return all(meets(part, annotation, item, all_of_item) for part in node.parts)
    if isinstance(node, Or):
        return any(meets(part, annotation, item, all_of_item) for part in node.parts)
    if isinstance(node, AnyOf):
        return any(meets(node.inner, other, item, all_of_item) for other in all_of_item)
    value = value_of(node.field, annotation, item)
    if isinstance(node, Exists):
        return value is not None
    if isinstance(node, In):
        return any(same(value, literal) for literal in node.values)
    assert isinstance(node, Compare)
    literal = node.value
    if isinstance(literal, Field):
        literal = value_of(literal, annotation, item)
    if node.operator == "==":
        return same(value, literal)
    if node.operator == "~":
        return isinstance(value, str) and value == literal  # the patterns drawn are plain
    return ordered(value, node.operator, literal)


def number(value: Any) -> Any:
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value.strip()) else None
    return None if isinstance(value, bool) or not isinstance(value, int | float) else value


def truth(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def same(value: Any, literal: Any) -> bool:
    if isinstance(value, list):
        return any(same(entry, literal) for entry in value)
    if value is None or literal is None:
        return False
    if isinstance(literal, bool) or isinstance(value, bool):
        return truth(value) is not None and truth(value) is truth(literal)
    if isinstance(literal, str) and isinstance(value, str):
        return value == literal
    return number(value) is not None and number(value) == number(literal)


def ordered(value: Any, sign: str, literal: Any) -> bool:
    if isinstance(value, list):
        return any(ordered(entry, sign, literal) for entry in value)
    if isinstance(value, str) and isinstance(literal, str):
        return ORDERS[sign](value, literal)
    a, b = number(value), number(literal)
    return a is not None and b is not None and ORDERS[sign](a, b)


def value_of(field: Field, annotation: Annotation, item: Item) -> Any:
    name = field.name
    if name == "image.name":
        return None if item.name is None else item.name.strip("/")
    if name in ("image.width", "image.height", "image.id"):
        return getattr(item, name[6:])
    if name == "image.extra":
        return item.extra.get(field.path[0])
    if name == "attributes":
        given = annotation.attributes
        return (
            given.get(field.path[0])
            if isinstance(given, dict)
            else (True if field.path[0] in given else None)
        )
    if name == "extra":
        return annotation.extra.get(field.path[0])
    if name in ("label", "type", "id", "score", "crowd"):
        return getattr(annotation, name)
    value = geometry(name, annotation)
    return None if value is None or math.isnan(value) else value


def geometry(name: str, annotation: Annotation) -> float | None:
    shape = annotation.annotation_definition
    kinds = {type(one): one for one in reversed(annotation.shapes)}
    if name == "angle":
        turned = [s for s in annotation.shapes if isinstance(s, Box) and s.is_rotated]
        return turned[0].angle if turned else None
    if name == "area":
        return area(annotation)
    if name in ("parts", "holes"):
        if Polygon not in kinds:
            return None
        parts = kinds[Polygon].parts
        return len(parts) if name == "parts" else sum(len(part) - 1 for part in parts)
    if name == "keypoints":
        return int(np.sum(kinds[Pose].keypoints[:, 2] > 0)) if Pose in kinds else None
    if name == "points":
        if Pose in kinds:
            return len(kinds[Pose].keypoints)
        if Polygon in kinds:
            return sum(len(ring) for ring in kinds[Polygon].rings)
        return 1 if shape.type == "point" else None
    left, top, right, bottom = annotation.stored_bounds or shape.bounds
    edges = {"left": left, "top": top, "right": right, "bottom": bottom}
    return {**edges, "width": right - left, "height": bottom - top}[name]


def area(annotation: Annotation) -> float | None:
    if annotation.stored_area is not None:
        return annotation.stored_area
    order = [
        *(one for one in annotation.shapes if isinstance(one, Polygon)),
        *(one for one in annotation.shapes if isinstance(one, Segmentation)),
        *(one for one in annotation.shapes if isinstance(one, Box)),
    ]
    if order:
        return order[0].area
    shape = annotation.annotation_definition
    if isinstance(shape, Pose) or math.isnan(shape.bounds[0]):
        if annotation.stored_bounds is None or not isinstance(shape, Pose):
            return None
        left, top, right, bottom = annotation.stored_bounds
        return (right - left) * (bottom - top)
    return shape.area


def rows_met(node: Node, chunk: Chunk) -> list[bool]:
    """Return whether each row of a chunk meets a condition."""
    annotations = [chunk.annotation(row) for row in range(len(chunk))]
    items = chunk.item.tolist()
    return [
        meets(
            node,
            annotations[row],
            chunk.items[items[row]],
            [a for a, place in zip(annotations, items, strict=True) if place == items[row]],
        )
        for row in range(len(chunk))
    ]
