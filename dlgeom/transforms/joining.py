"""Pieces of one thing from several tiles, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.annotation.frames import FrameAnnotation, state_at
from dlgeom.definitions import (
    Box,
    Definition,
    Ellipse,
    Note,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import UsageError
from dlgeom.geometry import overlay, regions, rle
from dlgeom.transforms.affine import Affine
from dlgeom.transforms.collections import apply_to_annotation, as_polygon
from dlgeom.transforms.shapes import _with_keypoints
from dlgeom.transforms.windows import Window
from dlgeom.transforms.within import has_place

__all__ = ["Piece", "join_pieces", "join_predictions", "join_shapes", "moved_back"]

Floats = NDArray[np.float64]
Size = tuple[int, int]


class Piece(msgspec.Struct, frozen=True, eq=False):
    """An annotation of one tile, and how it was made, as far as that is known."""

    window: Window
    annotation: Annotation
    made: Annotation | None = None
    visible: float | None = None

    @property
    def moved(self) -> bool:
        """Whether its shapes are others than those that were cut."""
        if self.made is None:
            return True
        now, then = self.annotation, self.made
        if type(now.annotation_definition) is not type(then.annotation_definition):
            return True
        if not now.annotation_definition._same_geometry(then.annotation_definition):
            return True
        return any(
            getattr(now, name) != getattr(then, name)
            for name in ("later", "children", "frame_num", "end_frame_num", "stored_bounds")
        )


def moved_back(piece: Piece, size: Size) -> Annotation:
    """Return the annotation of a tile in the coordinates of the image, without its item."""
    back = Affine(Affine.translate(piece.window.left, piece.window.top).matrix, size)
    free = msgspec.structs.replace(piece.annotation, item=None)
    moved = apply_to_annotation(back, free)
    # It comes from the tile, whatever image it is said to belong to.
    moved.item = piece.annotation.item
    return moved


def join_pieces(pieces: Sequence[Piece], size: Size) -> Annotation:
    """Return one annotation made of pieces; words and ids are those of the first one."""
    placed = [moved_back(piece, size) for piece in pieces]
    first = placed[0]
    if len(placed) == 1:
        return first
    if any(annotation.later for annotation in placed):
        _join_frames(first, placed)
    else:
        seen = [a for a in placed if a.object_visible] or placed
        first.annotation_definition = join_shapes([a.annotation_definition for a in seen])
        first.object_visible = any(a.object_visible for a in placed)
    first.stored_bounds = _around([a.stored_bounds for a in placed if a.stored_bounds])
    first.stored_area = None
    if len({len(a.companions) for a in placed}) == 1:
        first.companions = tuple(
            join_shapes(shapes) for shapes in zip(*(a.companions for a in placed), strict=True)
        )
    scores = [a.score for a in placed if a.score is not None]
    first.score = max(scores) if scores else None
    return first


def _join_frames(first: Annotation, placed: Sequence[Annotation]) -> None:
    """Join the states of tracks frame by frame, wherever one of them changes."""
    tracks = [annotation.states for annotation in placed]
    frames = sorted(
        {s.frame_num for t in tracks for s in t}
        | {s.last + 1 for t in tracks for s in t if s.until is not None}
    )
    end = max(annotation.end_frame for annotation in placed)
    states = []
    for frame in frames:
        here = [
            # As it is drawn there; after its end as it was last.
            a.frames[frame] if frame in a.frames else state_at(t, frame)
            for a, t in zip(placed, tracks, strict=True)
            if t[0].frame_num <= frame
        ]
        if not here or frame > end:
            continue
        seen = [state for state in here if state.object_visible]
        shape = join_shapes([state.annotation_definition for state in seen or here])
        fixed = any(state.fixed for state in here)
        states.append(FrameAnnotation(shape, frame, fixed, bool(seen)))
    kinds = {type(state.annotation_definition) for state in states}
    if len(kinds) > 1:
        states = [
            msgspec.structs.replace(s, annotation_definition=as_polygon(s.annotation_definition))
            for s in states
        ]
    first._keep(tuple(states))
    first.end_frame_num = end


def join_shapes(shapes: Sequence[Definition]) -> Definition:
    """Return one definition that covers what pieces of one thing cover.

    Exact for masks, upright boxes and polygons (their union as a region). A box or ellipse that
    one tile has whole counts before pieces that became polygons. Of other kinds the first.
    """
    first = shapes[0]
    if len(shapes) == 1 or not has_place(first):
        return next((shape for shape in shapes if has_place(shape)), first)
    shapes = [shape for shape in shapes if has_place(shape)]
    rest = (first.label, first.attributes, first.description)
    if all(isinstance(shape, Segmentation) for shape in shapes):
        return _join_masks(shapes)
    if all(isinstance(shape, Box) and not shape.is_rotated for shape in shapes):
        bounds = _around([shape.bounds for shape in shapes])
        left, top, right, bottom = bounds or first.bounds
        return Box(left, top, right, bottom, *rest)
    if all(isinstance(shape, Note) for shape in shapes):
        left, top, right, bottom = _around([shape.bounds for shape in shapes]) or first.bounds
        return msgspec.structs.replace(first, left=left, top=top, right=right, bottom=bottom)  # type: ignore[type-var]
    whole = [shape for shape in shapes if isinstance(shape, Box | Ellipse)]
    if whole:
        return max(whole, key=lambda shape: shape.area)
    if all(isinstance(shape, Polygon) for shape in shapes):
        return _join_polygons(shapes)
    if all(isinstance(shape, Polyline) for shape in shapes):
        return _join_lines(shapes)
    if all(isinstance(shape, Pose) for shape in shapes):
        return _join_poses(shapes)
    return first


def _around(bounds: Sequence[Any]) -> Any:
    if not bounds:
        return None
    edges = np.array(bounds, dtype=np.float64)
    return (*edges[:, :2].min(axis=0).tolist(), *edges[:, 2:].max(axis=0).tolist())


def _join_masks(shapes: Sequence[Any]) -> Definition:
    first = shapes[0]
    counts = first.counts
    for shape in shapes[1:]:
        counts = rle.union(counts, shape.counts)
    return Segmentation._of_counts(
        counts, first.shape, first.label, first.attributes, first.description
    )


def _join_polygons(shapes: Sequence[Any]) -> Definition:
    first = shapes[0]
    found = overlay.union_all([regions.region(shape.parts) for shape in shapes])
    parts = [[_straight(ring) for ring in part] for part in regions.parts_of(found)]
    if not parts:
        return max(shapes, key=lambda shape: len(shape._xy))  # type: ignore[no-any-return]
    return Polygon.from_parts(parts, first.label, first.attributes, first.description)


def _straight(ring: Floats) -> Floats:
    """Leave out the vertices that a cut put on an upright or level edge."""
    before, after = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0)
    level = ((before == ring) & (ring == after)).any(axis=1)
    kept = ring[~level]
    return kept if len(kept) >= 3 else ring


def _join_lines(shapes: Sequence[Any]) -> Definition:
    import shapely

    first = shapes[0]
    lines = [shapely.LineString(line) for shape in shapes for line in shape.lines]
    found = shapely.line_merge(shapely.union_all(lines))
    pieces = [shapely.get_coordinates(line) for line in shapely.get_parts(found)]
    pieces = [piece for piece in pieces if len(piece) >= 2]
    if not pieces:
        return first  # type: ignore[no-any-return]
    return Polyline(pieces, first.label, first.attributes, first.description)


def _join_poses(shapes: Sequence[Any]) -> Definition:
    first = shapes[0]
    xyv = first.keypoints.copy()
    for shape in shapes[1:]:
        if len(shape.keypoints) == len(xyv):
            better = shape.keypoints[:, 2] > xyv[:, 2]
            xyv[better] = shape.keypoints[better]
    return _with_keypoints(first, xyv)


def join_predictions(pieces: Sequence[Piece], size: Size, *, iou: float = 0.5) -> list[Annotation]:
    """Return predictions in the coordinates of the image, each thing once.

    Two predictions are one thing if they have one label and kind, lie in different windows, and
    overlap by at least `iou` in the part of the image that both windows see. Results come in
    the order of the first piece of each.
    """
    if not 0 < iou <= 1:
        raise UsageError(f"iou is {iou!r}; it is greater than 0 and at most 1")
    if not pieces:
        return []
    windows = np.array([piece.window for piece in pieces], dtype=np.float64)
    bounds = np.array([piece.annotation.bounds for piece in pieces], dtype=np.float64)
    bounds += windows[:, [0, 1, 0, 1]]
    keys = [(piece.annotation.label, piece.annotation.type) for piece in pieces]
    numbers = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    kinds = np.array([numbers[key] for key in keys])
    group = list(range(len(pieces)))

    def root(k: int) -> int:
        while group[k] != k:
            group[k] = group[group[k]]
            k = group[k]
        return k

    # What has no place is in all tiles: a classification of the image is said once.
    nowhere: dict[Any, int] = {}
    for k, piece in enumerate(pieces):
        shape = piece.annotation.annotation_definition
        if not has_place(shape):
            first = nowhere.setdefault(shape, k)
            if (windows[first] != windows[k]).any():
                group[k] = first
    for k in range(len(pieces)):
        rest = slice(k + 1, None)
        near = (kinds[rest] == kinds[k]) & (windows[rest] != windows[k]).any(axis=1)
        near &= _shared_iou(bounds[k], windows[k], bounds[rest], windows[rest]) >= iou
        for other in np.flatnonzero(near).tolist():
            a, b = sorted((root(k), root(k + 1 + other)))
            group[b] = a
    together: dict[int, list[int]] = {}
    for k in range(len(pieces)):
        together.setdefault(root(k), []).append(k)
    return [_one_of([pieces[k] for k in rows], size) for rows in together.values()]


def _shared_iou(box: Floats, window: Floats, boxes: Floats, windows: Floats) -> Floats:
    """Return the IoU of a box with others where the windows of both see, shape (N,)."""
    # A point or an upright line takes the pixel around it, so that it can overlap.
    box, boxes = _thick(box[None])[0], _thick(boxes)
    low = np.maximum(window[:2], windows[:, :2])
    high = np.minimum(window[2:], windows[:, 2:])

    def inside(edges: Floats) -> tuple[Floats, Floats, Floats]:
        a = np.maximum(edges[..., :2], low)
        b = np.minimum(edges[..., 2:], high)
        return a, b, np.maximum(b - a, 0.0).prod(axis=1)

    a0, a1, area = inside(box)
    b0, b1, areas = inside(boxes)
    common = np.maximum(np.minimum(a1, b1) - np.maximum(a0, b0), 0.0).prod(axis=1)
    union = area + areas - common
    result = np.zeros(len(boxes))
    np.divide(common, union, out=result, where=union > 0)
    return result


def _thick(boxes: Floats) -> Floats:
    """Return boxes, those without width or height half a pixel larger there on both sides."""
    thin = (boxes[:, 2:] == boxes[:, :2]) * 0.5
    return np.hstack((boxes[:, :2] - thin, boxes[:, 2:] + thin))


def _one_of(pieces: list[Piece], size: Size) -> Annotation:
    """Return one prediction for pieces of a thing: the best that no tile cuts, else all joined."""

    def score(piece: Piece) -> float:
        given = piece.annotation.score
        return -1.0 if given is None else given

    ranked = sorted(pieces, key=score, reverse=True)
    whole = [piece for piece in ranked if not _at_edge(piece, size)]
    if whole:
        return moved_back(whole[0], size)
    return join_pieces(ranked, size)


def _at_edge(piece: Piece, size: Size) -> bool:
    """Whether it reaches an edge of its window that is none of the image."""
    left, top, right, bottom = piece.annotation.bounds
    window = piece.window
    return (
        (left <= 1 and window.left > 0)
        or (top <= 1 and window.top > 0)
        or (right >= window.size[0] - 1 and window.right < size[0])
        or (bottom >= window.size[1] - 1 and window.bottom < size[1])
    )
