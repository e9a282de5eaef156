"""Annotations and collections under affine maps, with frames, companions and children."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.annotation.single import own_copy
from dlgeom.definitions import Box, Definition, Ellipse, Polygon
from dlgeom.definitions.base import Bounds
from dlgeom.errors import UsageError
from dlgeom.geometry import affine as maps
from dlgeom.geometry import ellipses
from dlgeom.item import Item
from dlgeom.transforms.pairs import flip_pairs
from dlgeom.transforms.shapes import apply_to_definition, box_polygon, checked_boxes, map_bounds
from dlgeom.transforms.tracks import states_to_move

if TYPE_CHECKING:
    from dlgeom.transforms.affine import Affine

__all__ = [
    "apply_to_annotation",
    "apply_to_collection",
    "known_flips",
    "moved_bounds",
    "moved_item",
    "of_one_type",
    "size_of",
    "with_states",
]

Size = tuple[int, int]


def size_of(item: Item | None) -> Size | None:
    """Return (width, height) of an item, None where it is not known."""
    if item is None or not item.width or not item.height:
        return None
    return item.width, item.height


def needed_size(collection: AnnotationCollection, size: Size | None, method: str) -> Size:
    """Return the size that was given or that of the item, or raise `UsageError`."""
    found = size or size_of(collection.item)
    if found is None:
        raise UsageError(
            f"{method} needs the size of the image; the item does not tell it. Pass "
            "size=(width, height), or give the collection an Item with width and height"
        )
    return found


def moved_item(item: Item | None, transform: Affine) -> Item | None:
    """Return the item of the image that comes out: its size, upright as it is."""
    if item is None:
        return None
    width, height = transform.size or (item.width, item.height)
    metadata = own_copy(item.metadata)
    system = metadata.get("system") if isinstance(metadata, dict) else None
    if isinstance(system, dict):
        exif = system.get("exif")
        if isinstance(exif, dict):
            exif.pop("Orientation", None)
        for name, side in (("width", width), ("height", height)):
            if name in system and side is not None:
                system[name] = side
    return msgspec.structs.replace(
        item, width=width, height=height, exif_orientation=None, metadata=metadata
    )


def known_flips(collection: AnnotationCollection) -> dict[str, tuple[int, ...]]:
    """Return for each label which key points change places, as far as the labels tell."""
    found: dict[str, tuple[int, ...]] = {}
    for label in collection.labels or ():
        if label.flip:
            found.setdefault(label.name, label.flip)
        elif label.keypoints:
            found.setdefault(label.name, flip_pairs(label.keypoints))
    return found


def as_polygon(definition: Definition) -> Definition:
    """Return a box or an ellipse as a polygon, anything else as it is."""
    rest = (definition.label, definition.attributes, definition.description)
    if isinstance(definition, Box):
        return box_polygon(definition)
    if isinstance(definition, Ellipse):
        return Polygon(ellipses.outline(definition._row()[0]), *rest)
    return definition


def of_one_type(definitions: Sequence[Definition]) -> list[Definition]:
    """Return the states of one thing with one type: polygons where some became polygons."""
    if len({type(definition) for definition in definitions}) < 2:
        return list(definitions)
    return [as_polygon(definition) for definition in definitions]


def each_once(
    states: Sequence[FrameAnnotation], function: Callable[[Definition], Any]
) -> list[Any]:
    """Apply a function to the definition of each state; states often share theirs."""
    done: dict[int, Any] = {}
    for state in states:
        shape = state.annotation_definition
        if id(shape) not in done:
            done[id(shape)] = function(shape)
    return [done[id(state.annotation_definition)] for state in states]


def with_states(
    annotation: Annotation, states: Sequence[FrameAnnotation], item: Item | None
) -> Annotation:
    """Return a copy with other definitions in the same frames, in the same current frame."""
    copy = annotation.copy()
    copy.record, copy.item = None, item
    if annotation._away is None:
        first = states[0]
        copy.annotation_definition = first.annotation_definition
        copy.object_visible = first.object_visible
        copy.later = tuple(states[1:])
        return copy
    copy._keep(tuple(states))
    copy.end_frame_num = annotation.end_frame
    copy.set_frame(annotation.current_frame)
    return copy


def moved_bounds(transform: Affine, annotation: Annotation, moved: Definition) -> Bounds | None:
    """Return where the stored bounds go.

    Those that say the same as the shape (within a pixel: files round) stay the bounds of the
    shape; others become the upright box around what the map makes of them.
    """
    stored = annotation.stored_bounds
    if stored is None:
        return None
    if not maps.keeps_axes(transform.matrix):
        own = annotation.annotation_definition.bounds
        if all(abs(a - b) <= 1 for a, b in zip(own, stored, strict=True)):
            return moved.bounds
    return map_bounds(transform.matrix, stored)


def apply_to_annotation(
    transform: Affine,
    annotation: Annotation,
    *,
    boxes: str = "exact",
    flip_idx: Any = None,
    known: Mapping[str, tuple[int, ...]] | None = None,
    item: Item | None = None,
) -> Annotation:
    """Return an annotation where the map takes it; `Affine.apply` has the parameters.

    All states of its frames move, its companions, children and stored bounds; the stored area
    grows as areas do. The source's own record is left out, since it says where things were.
    """
    checked_boxes(boxes)
    if item is None:
        transform = transform.for_image(size_of(annotation.item))
        item = moved_item(annotation.item, transform)

    def move(definition: Definition) -> Definition:
        return apply_to_definition(
            transform, definition, boxes=boxes, flip_idx=flip_idx, known=known
        )

    states: Sequence[FrameAnnotation] = annotation.states
    shapes = of_one_type(each_once(states, move))
    if len(states) > 1 and annotation.interpolation != "hold":
        states = states_to_move(annotation, shapes)
        shapes = of_one_type(each_once(states, move)) if len(states) > len(shapes) else shapes
    moved = with_states(
        annotation,
        [
            msgspec.structs.replace(state, annotation_definition=shape)
            for state, shape in zip(states, shapes, strict=True)
        ],
        item,
    )
    moved.companions = tuple(move(shape) for shape in annotation.companions)
    moved.stored_bounds = moved_bounds(transform, annotation, moved.annotation_definition)
    if annotation.stored_area is not None:
        moved.stored_area = annotation.stored_area * abs(transform.det)
    moved.children = tuple(
        apply_to_annotation(
            transform, child, boxes=boxes, flip_idx=flip_idx, known=known, item=item
        )
        for child in annotation.children
    )
    return moved


def apply_to_collection(
    transform: Affine,
    collection: AnnotationCollection,
    *,
    boxes: str = "exact",
    flip_idx: Any = None,
) -> AnnotationCollection:
    """Return a new collection where the map takes all of it; `Affine.apply` has the parameters."""
    transform = transform.for_image(size_of(collection.item))
    item = moved_item(collection.item, transform)
    known = known_flips(collection)
    moved = [
        _one(transform, annotation, item, boxes=boxes, flip_idx=flip_idx, known=known)
        for annotation in collection
    ]
    return like(collection, item, moved)


def _one(
    transform: Affine, annotation: Annotation, item: Item | None, **options: Any
) -> Annotation:
    # Without an item of its own an annotation has that of the collection, or none at all.
    if item is None:
        return apply_to_annotation(transform, annotation, **options)
    moved = apply_to_annotation(transform, annotation, item=item, **options)
    if annotation.item is None:
        moved.item = None
    return moved


def like(
    collection: AnnotationCollection, item: Item | None, annotations: list[Annotation]
) -> AnnotationCollection:
    """Return a collection of the same source with other annotations."""
    made = AnnotationCollection._view(item, annotations, collection.labels)
    made.extra = own_copy(collection.extra)
    return made
