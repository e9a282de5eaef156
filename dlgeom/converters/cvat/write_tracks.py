"""An annotation over frames as tracks of CVAT: rows of shapes that mean the same in each frame.

CVAT interpolates between all key frames and towards outside shapes, and a track has one label and
one kind of shape. What is held gets a second key frame where it ends; what is hidden without
moving is hidden where it was; a track whose label or kind changes becomes several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from dlgeom.annotation import Annotation
from dlgeom.definitions import Definition, Pose, Segmentation

__all__ = ["Grid", "Piece", "Row", "pieces_of", "rows_of"]


class Grid(NamedTuple):
    """The frames of a task in its video: first, distance, last."""

    start: int
    step: int
    last: int

    def holds(self, frame: int) -> bool:
        """Whether a frame is one of the task."""
        return self.start <= frame <= self.last and (frame - self.start) % self.step == 0


class Row(NamedTuple):
    """One shape of a track."""

    frame: int
    shape: Definition
    visible: bool
    fixed: bool


class Piece(NamedTuple):
    """One track: its shapes, and the last frame where the file could not tell it otherwise."""

    rows: list[Row]
    end: int | None = None


def rows_of(annotation: Annotation, part: Callable[[Definition], Definition | None]) -> list[Row]:
    """Return the states as rows, with what `part` makes of their shapes; ranges are two rows.

    A state of which nothing is made hides the thing where it was last.
    """
    rows: list[Row] = []
    waiting: list[int] = []
    for state in annotation.states:
        shape = part(state.annotation_definition)
        visible = state.object_visible and shape is not None
        if shape is None:
            if not rows:
                waiting.append(state.frame_num)
                continue
            shape = rows[-1].shape
        row = Row(state.frame_num, shape, visible, state.fixed)
        rows += [Row(frame, shape, False, True) for frame in waiting]
        waiting = []
        rows.append(row)
        if state.last > state.frame_num:
            rows.append(row._replace(frame=state.last))
    return rows


def pieces_of(rows: Sequence[Row], mode: str, end: int, last: int, step: int) -> list[Piece]:
    """Return the tracks of one annotation.

    Parameters
    ----------
    rows : sequence of Row
        Ascending by frame, not empty.
    mode : {"hold", "linear", "approach"}
        What the annotation has between its states.
    end : int
        Last frame of the annotation.
    last, step : int
        Last frame of the task, and the distance of its frames.
    """
    found: list[Piece] = []
    begin = 0
    for k in range(1, len(rows) + 1):
        after = rows[k] if k < len(rows) else None
        if after is not None and _kind(after) == _kind(rows[begin]):
            continue
        found.append(_piece(rows[begin:k], after, mode, end, last, step))
        begin = k
    return found


def _kind(row: Row) -> tuple[str, str | None]:
    return type(row.shape).__name__, row.shape.label


def _piece(
    rows: Sequence[Row], after: Row | None, mode: str, end: int, last: int, step: int
) -> Piece:
    made: list[Row] = []
    for row in rows:
        if made and made[-1].visible and _moves(made[-1].shape, row.shape):
            before = made[-1]
            if not row.visible and mode != "approach":
                row = row._replace(shape=_placed(before.shape, row.shape))
            elif not row.visible:
                row = row._replace(shape=_still(before.shape, row.shape))
            elif mode == "hold" and row.frame - before.frame > 1:
                made.append(Row(row.frame - 1, before.shape, True, True))
        made.append(row)
    final = made[-1]
    if after is not None:
        if final.visible:
            made.append(_handed_over(final, after, mode))
        return Piece(made)
    if final.visible:
        closing = final.frame + (-(-(end + 1 - final.frame) // step)) * step
        if closing <= last:
            made.append(Row(closing, final.shape, False, True))
        return Piece(made)
    if end > final.frame:
        made.append(Row(end, final.shape, False, True))
        return Piece(made)
    alone = len(made) < 2 or not made[-2].visible
    return Piece(made, None if alone or not _repeats(made[-2].shape, final.shape) else end)


def _handed_over(final: Row, after: Row, mode: str) -> Row:
    """Return the row that ends a track where the next one takes over."""
    moves = mode == "approach" or (mode == "linear" and after.visible)
    shape = final.shape
    if moves and type(shape) is type(after.shape):
        shape = _still(final.shape, _placed(after.shape, final.shape))
    return Row(after.frame, shape, False, True)


def _moves(a: Definition, b: Definition) -> bool:
    """Whether CVAT, and our reader, would put something else between two shapes."""
    return not isinstance(a, Segmentation) and _placed(a, b) != b


def _placed(shape: Definition, like: Definition) -> Definition:
    """Return the geometry of one shape with what another one says."""
    made: Definition = shape.replace(
        label=like.label, attributes=like.attributes, description=like.description
    )
    return made


def _still(before: Definition, hidden: Definition) -> Definition:
    """Return a hidden shape whose unlabelled nodes are where they were before.

    All nodes of what is outside are outside, so that the reader cannot tell those that would not
    move from those that would.
    """
    if not isinstance(before, Pose) or not isinstance(hidden, Pose):
        return hidden
    places = dict(reversed(list(zip(before.names, before.points, strict=True))))
    nodes = list(hidden.points)
    for k, name in enumerate(hidden.names):
        if hidden.keypoints[k, 2] == 0 and name in places:
            there = places[name]
            nodes[k] = msgspec.structs.replace(nodes[k], x=there.x, y=there.y)
    return Pose(
        hidden.label,
        hidden.template_id,
        hidden.instance_id,
        hidden.attributes,
        nodes,
        skeleton=hidden.skeleton,
    )


def _repeats(a: Definition, b: Definition) -> bool:
    """Whether the reader would take the second one, hidden, for the mere end of the first."""
    if isinstance(a, Pose) and isinstance(b, Pose):
        return (
            a.names == b.names
            and np.array_equal(a.geo, b.geo)
            and (a.label, a.attributes) == (b.label, b.attributes)
        )
    return a == b
