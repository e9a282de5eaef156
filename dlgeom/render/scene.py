"""What is drawn: annotations of any origin, the size of the picture, the order of painting."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from dlgeom.annotation import Annotation, AnnotationCollection, FrameAnnotation
from dlgeom.definitions import Box, Polygon, Pose, Segmentation
from dlgeom.definitions.base import Definition
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.labels import LabelTable
from dlgeom.limits import DEFAULT_LIMITS

__all__ = [
    "Order",
    "Scene",
    "Source",
    "bounds_of",
    "by_attribute",
    "in_order",
    "kept",
    "region_shapes",
    "scene_of",
    "shape_of",
    "shown_shapes",
]

Shape = tuple[int, int]
Source = (
    AnnotationCollection
    | Annotation
    | FrameAnnotation
    | Definition
    | Iterable[Annotation | FrameAnnotation | Definition]
)
Order = str | Callable[[Annotation], float]


def kept(source: Source) -> Source:
    """Return a source that can be looked at more than once."""
    return list(source) if isinstance(source, Iterator) else source


class Scene(msgspec.Struct, frozen=True):
    """Annotations that are drawn together.

    Parameters
    ----------
    annotations : list of Annotation
        In the order that they were given.
    item : Item, optional
        What they belong to.
    labels : LabelTable, optional
        What is known about their labels.
    """

    annotations: list[Annotation]
    item: Item | None = None
    labels: LabelTable | None = None


def scene_of(source: Source, *, frame_num: int | None = None, hidden: bool = True) -> Scene:
    """Return annotations, definitions or states of frames as a scene.

    Parameters
    ----------
    source : AnnotationCollection, Annotation, FrameAnnotation, Definition, or iterable of them
        What to draw; it stays as it is.
    frame_num : int, optional
        Draw what is alive in that frame, in its state there.
    hidden : bool, default True
        Whether what cannot be seen in its frame (`object_visible` False) is drawn.

    Raises
    ------
    UsageError
        If something is none of these.
    """
    if isinstance(source, AnnotationCollection):
        shown = source if frame_num is None else source.get_frame(frame_num)
        found, item, labels = list(shown), shown.item, shown.labels
    else:
        single = isinstance(source, Annotation | FrameAnnotation | Definition)
        entries: Iterable[Any] = [source] if single else source  # type: ignore[assignment]
        found = [_annotation(entry) for entry in entries]
        if frame_num is not None:
            found = list(AnnotationCollection(None, found).get_frame(frame_num))
        items = (one.item for one in found)
        item, labels = next((one for one in items if one is not None), None), None
    if not hidden:
        found = [one for one in found if one.object_visible]
    return Scene(found, item, labels)


def _annotation(entry: Any) -> Annotation:
    if isinstance(entry, Annotation):
        return entry
    if isinstance(entry, Definition):
        return Annotation(entry)
    if isinstance(entry, FrameAnnotation):
        return Annotation(entry.annotation_definition, object_visible=entry.object_visible)
    raise UsageError(
        f"{entry!r} cannot be drawn; give annotations, definitions, or a collection of them"
    )


def shape_of(scene: Scene, width: int | None = None, height: int | None = None) -> Shape:
    """Return (height, width) of the picture.

    What is given counts; then the size of the item; then that of the first mask.

    Raises
    ------
    UsageError
        If nobody knows it, or it is no size.
    LimitError
        If there are more pixels than the limit `pixels`.
    """
    item = scene.item
    sides = [
        height if height is not None else None if item is None else item.height,
        width if width is not None else None if item is None else item.width,
    ]
    if None in sides:
        for annotation in scene.annotations:
            for shape in annotation.shapes:
                if isinstance(shape, Segmentation):
                    sides = [
                        known if given is None else given
                        for given, known in zip(sides, shape.shape, strict=True)
                    ]
    if None in sides:
        raise UsageError(
            "the size of the picture is not known; it is that of the image or item, or "
            "width= and height= in pixels. Give them"
        )
    whole = (_side(sides[0], "height"), _side(sides[1], "width"))
    DEFAULT_LIMITS.check(
        "pixels", whole[0] * whole[1], code="limit.pixels", what="height * width of the picture"
    )
    return whole


def _side(value: Any, what: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if number != value or number <= 0 or isinstance(value, bool):
        raise UsageError(f"{what} is {value!r}; sizes are whole numbers of pixels, from 1")
    return number


def region_shapes(annotation: Annotation) -> Sequence[Definition]:
    """Return what stands for the pixels of an annotation: its area, where it has one.

    A record of key points and an outline is the outline; all else is its definition.
    """
    if isinstance(annotation.annotation_definition, Pose):
        for shape in annotation.companions:
            if isinstance(shape, Polygon | Segmentation):
                return (shape,)
    return (annotation.annotation_definition,)


def bounds_of(annotation: Annotation) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of where an annotation is seen, in pixels.

    Those of the definition; of what is beside it where that has no place, such as a person of
    whom no key point is labelled. NaN for what has none at all.
    """
    for shape in annotation.shapes:
        bounds = shape.bounds
        if bounds[0] == bounds[0]:
            return bounds
    return annotation.bounds


def shown_shapes(annotation: Annotation) -> list[Definition]:
    """Return all that a picture shows of an annotation, what lies at the bottom first.

    Upright boxes beside another shape are only the stored bounds of the record; they would hide
    what they enclose. Annotations that belong to it lie above it.
    """
    found: list[Definition] = [
        shape
        for shape in annotation.companions[::-1]
        if not (isinstance(shape, Box) and not shape.is_rotated)
    ]
    found.append(annotation.annotation_definition)
    for child in annotation.children:
        found += shown_shapes(child)
    return found


def by_attribute(name: str, default: float = 0.0) -> Callable[[Annotation], float]:
    """Return a painting order: by the number that an attribute holds, the least at the bottom.

    Parameters
    ----------
    name : str
        Key of the attribute.
    default : float, default 0
        For annotations without it.
    """

    def key(annotation: Annotation) -> float:
        attributes = annotation.attributes
        value = attributes.get(name) if isinstance(attributes, Mapping) else None
        if value is None:
            return default
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if math.isnan(number):
            raise UsageError(
                f"attribute {name!r} is {value!r}; annotations are painted in the order of "
                "numbers. Correct it, or choose another order="
            )
        return number

    return key


def in_order(annotations: Sequence[Annotation], order: Order = "documented") -> list[int]:
    """Return the positions of annotations in the order in which they are painted.

    Parameters
    ----------
    annotations : sequence of Annotation
        Those of a scene.
    order : str or callable
        ``documented``: masks (`Segmentation`) first, then all others, both in the order given;
        ``given``: as given; ``area``: the largest first, so that small things stay visible;
        ``z``: by the attribute ``z``, the least first; or a function of an annotation that
        returns a number, the least first. What is equal keeps the order given.

    Raises
    ------
    UsageError
        If the order is none of these.
    """
    places = range(len(annotations))
    if callable(order):
        return sorted(places, key=lambda k: order(annotations[k]))
    if order == "documented":
        return sorted(
            places,
            key=lambda k: not isinstance(annotations[k].annotation_definition, Segmentation),
        )
    if order == "given":
        return list(places)
    if order == "area":
        areas = [max(shape.area for shape in region_shapes(one)) for one in annotations]
        return sorted(places, key=lambda k: -areas[k])
    if order == "z":
        key = by_attribute("z")
        return sorted(places, key=lambda k: key(annotations[k]))
    raise UsageError(
        f"order is {order!r}; it is documented, given, area, z, or a function of an annotation"
    )
