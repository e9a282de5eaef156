"""Putting tiles together: what nobody changed is the source's, what was changed is joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.item import Item
from dlgeom.transforms.collections import size_of
from dlgeom.transforms.joining import Piece, join_pieces, join_predictions, moved_back
from dlgeom.transforms.value import checked_size
from dlgeom.transforms.windows import Window

__all__ = ["hashable", "merge_tiles", "restored"]

Size = tuple[int, int]


def hashable(value: Any) -> Any:
    """Return an id as something that a dict takes."""
    return value if isinstance(value, int | str) else repr(value)


def restored(source: Annotation, pieces: list[Piece], made: int, size: Size) -> Annotation:
    """Return the source's annotation with what was changed in its pieces."""
    same = [piece for piece in pieces if piece.made is not None and piece.annotation == piece.made]
    changed = [piece for piece in pieces if piece not in same]
    whole = next((p for p in pieces if p.visible == 1 and p.made is not None), None)
    if not changed and (len(same) == made or whole is not None):
        return source.copy()
    # Somebody's change counts before what nobody touched.
    told = changed[0] if changed else pieces[0]
    if not any(piece.moved for piece in pieces) and (len(pieces) == made or whole is not None):
        return _with_words(source, told)
    if whole is not None and whole.moved:
        return _of_source(source, moved_back(whole, size))
    return _of_source(source, join_pieces([told, *(p for p in pieces if p is not told)], size))


def _of_source(source: Annotation, joined: Annotation) -> Annotation:
    joined.item = source.item
    return joined


def _with_words(source: Annotation, piece: Piece) -> Annotation:
    """Return the source's geometry with the label and all else that the piece says."""
    told, made = piece.annotation, piece.made
    copy = source.copy()
    copy.record = None
    for name in WORDS:
        value = getattr(told, name)
        if made is None or value != getattr(made, name):
            setattr(copy, name, value)
    for name in ("label", "attributes", "description"):
        value = getattr(told, name)
        if made is None or value != getattr(made, name):
            setattr(copy, name, value)
    return copy


GEOMETRY = frozenset(
    [
        "annotation_definition",
        "companions",
        "stored_bounds",
        "stored_area",
        "item",
        "children",
        "later",
        "record",
        "object_visible",
        "fixed",
        "frame_num",
        "end_frame_num",
        "_away",
    ]
)
WORDS = tuple(name for name in Annotation.__struct_fields__ if name not in GEOMETRY)
"""Fields of an annotation that say nothing about where it is."""


def merge_tiles(
    pieces: Iterable[tuple[Sequence[int], Iterable[Annotation]]],
    *,
    size: Size | None = None,
    item: Item | None = None,
    iou: float = 0.5,
) -> AnnotationCollection:
    """Put the annotations of tiles together where the tiling itself is not at hand.

    Parameters
    ----------
    pieces : iterable of (window, annotations)
        Left, top, right, bottom of each tile in the image, and its annotations, counted from its
        left-top corner.
    size : tuple of int, optional
        (width, height) of the image; that of the item, or what the windows span.
    item : Item, optional
        The image.
    iou : float, default 0.5
        From which overlap on two annotations without ids are the same thing.

    Returns
    -------
    AnnotationCollection
        Pieces of one id, label and object id are joined: masks and polygons become their union,
        boxes the box around them, lines are put together, of key points each takes the piece
        that sees it. Annotations without an id, such as predictions, are joined if tiles that
        overlap show them with one label and kind and at least that IoU, where both tiles see;
        the highest score is kept, and of boxes one that no tile cuts.
    """
    placed = [
        Piece(Window(*(int(edge) for edge in window)), annotation)
        for window, annotations in pieces
        for annotation in annotations
    ]
    whole = size or size_of(item)
    if whole is None:
        ends = [(p.window.right, p.window.bottom) for p in placed]
        whole = (max((x for x, _ in ends), default=1), max((y for _, y in ends), default=1))
    whole = checked_size(whole, "merge_tiles: size")
    groups: dict[Any, list[Piece]] = {}
    fresh = []
    for piece in placed:
        a = piece.annotation
        if a.id is None:
            fresh.append(piece)
        else:
            groups.setdefault((hashable(a.id), a.label, a.object_id), []).append(piece)
    merged = [join_pieces(group, whole) for group in groups.values()]
    merged += join_predictions(fresh, whole, iou=iou)
    for annotation in merged:
        if annotation.item is not None:
            annotation.item = item
    return AnnotationCollection(item, merged)
