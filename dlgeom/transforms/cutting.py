"""Cutting annotations to an image, with a record of what was cut and dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.definitions import Box, Definition, Pose
from dlgeom.definitions.base import Bounds
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.transforms.collections import (
    each_once,
    known_flips,
    like,
    moved_bounds,
    moved_item,
    of_one_type,
    size_of,
    with_states,
)
from dlgeom.transforms.shapes import apply_to_definition
from dlgeom.transforms.tracks import states_to_cut
from dlgeom.transforms.within import Result, checked_visibility, has_place, move_and_cut

if TYPE_CHECKING:
    from dlgeom.transforms.affine import Affine

__all__ = ["Cut", "cut_annotation", "cut_collection"]


class Cut(msgspec.Struct, frozen=True, eq=False):
    """A collection that was cut to an image, and what was cut; iterates over what is left.

    Parameters
    ----------
    annotations : AnnotationCollection
        What is left, in the order of the source.
    visible : ndarray of float64, shape (N,)
        Which part of each is left, in [0, 1]: of its area, of the length of lines, of the
        labelled key points of a pose; of a track in the frame with the most; 1 for what has no
        place in the image.
    sources : ndarray of int64, shape (N,)
        Position of each in the source.
    dropped : tuple of Annotation
        Annotations of the source, as they are there, of which nothing or too little is left.
    dropped_visible : ndarray of float64, shape (D,)
        Which part of each was left.
    dropped_sources : ndarray of int64, shape (D,)
        Position of each in the source.
    transform : Affine
        How image and annotations moved; ``transform.image(picture)`` moves the picture.
    """

    annotations: AnnotationCollection
    visible: NDArray[np.float64]
    sources: NDArray[np.int64]
    dropped: tuple[Annotation, ...]
    dropped_visible: NDArray[np.float64]
    dropped_sources: NDArray[np.int64]
    transform: Affine

    def __len__(self) -> int:
        return len(self.annotations)

    def __iter__(self) -> Iterator[Annotation]:
        return iter(self.annotations)

    def __getitem__(self, index: int) -> Annotation:
        return self.annotations[index]

    def __repr__(self) -> str:
        cut = int((self.visible < 1).sum())
        return f"Cut({len(self)} kept, {cut} of them cut, {len(self.dropped)} dropped)"


def cut_annotation(
    transform: Affine,
    annotation: Annotation,
    *,
    min_visibility: float = 0.0,
    boxes: str = "exact",
    flip_idx: Any = None,
    known: Mapping[str, tuple[int, ...]] | None = None,
    item: Item | None = None,
) -> tuple[Annotation | None, float]:
    """Return an annotation where the map takes it, cut to the image, and which part is left.

    In frames where it is outside, or too little is left, it is not `object_visible`, and its
    shape is the moved one; if that is so in all frames there is None. Frames that are interpolated
    get states of their own where an edge cuts them. Companions and children
    that are outside go. Stored bounds are cut; a stored area goes where something was cut.
    A pose is there as long as one of its points, or of its companions, or without these of its
    stored bounds, is.
    """
    least = checked_visibility(min_visibility)
    if item is None:
        transform = transform.for_image(size_of(annotation.item))
        item = moved_item(annotation.item, transform)
    options: dict[str, Any] = {"boxes": boxes, "flip_idx": flip_idx, "known": known}

    def cut(definition: Definition) -> Result:
        return move_and_cut(transform, definition, **options)

    def moved_only(definition: Definition) -> Definition:
        return apply_to_definition(transform, definition, **options)

    states = states_to_cut(transform, annotation)
    own = each_once(states, cut)
    companions = [(shape, *cut(shape)) for shape in annotation.companions]
    shares = [share for _, share in own]
    if not has_place(annotation.annotation_definition) or isinstance(
        annotation.annotation_definition, Pose
    ):
        beside = _beside(transform, annotation, companions)
        if beside is not None and not has_place(annotation.annotation_definition):
            # Where nobody labelled a point the rest of the record says where it is.
            shares = [beside] * len(states)
        elif beside is not None:
            shares = [max(share, beside) for share in shares]
    alive = [share > 0 and share >= least for share in shares]
    if not any(alive):
        return None, max(shares)
    shapes = of_one_type(
        [
            shape if shape is not None and seen else moved_only(state.annotation_definition)
            for state, (shape, _), seen in zip(states, own, alive, strict=True)
        ]
    )
    moved = with_states(
        annotation,
        [
            msgspec.structs.replace(
                state,
                annotation_definition=shape,
                object_visible=state.object_visible and seen,
            )
            for state, shape, seen in zip(states, shapes, alive, strict=True)
        ],
        item,
    )
    moved.companions = tuple(shape for _, shape, _ in companions if shape is not None)
    whole = all(share == 1 for _, share in own) and all(share == 1 for _, _, share in companions)
    bounds = moved_bounds(transform, annotation, moved_only(annotation.annotation_definition))
    moved.stored_bounds = None if bounds is None else _inside(bounds, transform)
    if whole and bounds is not None and bounds != moved.stored_bounds:
        whole = False
    if annotation.stored_area is not None:
        moved.stored_area = annotation.stored_area * abs(transform.det) if whole else None
    children = [
        cut_annotation(transform, child, min_visibility=least, item=item, **options)[0]
        for child in annotation.children
    ]
    moved.children = tuple(child for child in children if child is not None)
    return moved, max(shares)


def _beside(
    transform: Affine,
    annotation: Annotation,
    companions: Sequence[tuple[Definition, Definition | None, float]],
) -> float | None:
    """Return which part of the other shapes of a pose is left: they are there without its points.

    That of the companion with the most; where there is none, of the stored bounds; None without.
    """
    shares = [share for shape, _, share in companions if has_place(shape)]
    if shares:
        return max(shares)
    if annotation.stored_bounds is None:
        return None
    return move_and_cut(transform, Box(*annotation.stored_bounds), boxes="bounds")[1]


def _inside(bounds: Bounds, transform: Affine) -> Bounds | None:
    """Return bounds cut to the image, None if they are outside."""
    width, height = transform.size or (0, 0)
    left, top = max(bounds[0], 0.0), max(bounds[1], 0.0)
    right, bottom = min(bounds[2], float(width)), min(bounds[3], float(height))
    return (left, top, right, bottom) if left <= right and top <= bottom else None


def cut_collection(
    transform: Affine,
    collection: AnnotationCollection,
    *,
    min_visibility: float = 0.0,
    boxes: str = "exact",
    flip_idx: Any = None,
) -> Cut:
    """Return a collection where the map takes it, cut to the image that comes out.

    Raises
    ------
    UsageError
        If the map has no `size` and the item does not tell it either; as `Affine.apply`.
    """
    least = checked_visibility(min_visibility)
    transform = transform.for_image(size_of(collection.item))
    if transform.size is None:
        raise UsageError(
            "cut needs the size of the image that comes out; build the map with size=, or with "
            "crop, resize or letterbox, or give the collection an Item with width and height"
        )
    everything = range(len(collection))
    return cut_some(transform, collection, everything, least, boxes=boxes, flip_idx=flip_idx)


def cut_some(
    transform: Affine,
    collection: AnnotationCollection,
    rows: Any,
    least: float,
    *,
    item: Item | None = None,
    **options: Any,
) -> Cut:
    """Cut the annotations at some positions of a collection; see `cut_collection`."""
    if item is None:
        item = moved_item(collection.item, transform)
    given = item if item is not None else Item()
    known = known_flips(collection)
    kept: list[Annotation] = []
    dropped: list[Annotation] = []
    visible: list[float] = []
    gone: list[float] = []
    sources: list[int] = []
    dropped_sources: list[int] = []
    for row in rows:
        annotation = collection.annotations[row]
        moved, share = cut_annotation(
            transform, annotation, min_visibility=least, known=known, item=given, **options
        )
        if moved is None:
            dropped.append(annotation)
            gone.append(share)
            dropped_sources.append(int(row))
            continue
        if annotation.item is None:
            _without_item(moved)
        elif item is None:
            moved.item = moved_item(annotation.item, transform)
        kept.append(moved)
        visible.append(share)
        sources.append(int(row))
    return Cut(
        like(collection, item, kept),
        np.array(visible, dtype=np.float64),
        np.array(sources, dtype=np.int64),
        tuple(dropped),
        np.array(gone, dtype=np.float64),
        np.array(dropped_sources, dtype=np.int64),
        transform,
    )


def _without_item(annotation: Annotation) -> None:
    annotation.item = None
    for child in annotation.children:
        child.item = None
