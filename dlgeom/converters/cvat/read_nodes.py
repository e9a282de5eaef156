"""Skeletons whose nodes have tracks of their own: put together frame by frame."""

from __future__ import annotations

import copy
from bisect import bisect_right

from dlgeom.converters.cvat.text import decimal, flag, points
from dlgeom.converters.voc.xmlio import Element
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = ["frame_of", "joined_nodes"]


def frame_of(element: Element, limits: Limits) -> int:
    """Return the frame of a shape.

    Raises
    ------
    FormatError
        ``type.number``.
    LimitError
        ``limit.frames``.
    """
    text = element.get("frame")
    stripped = "" if text is None else text.strip()
    if not (stripped.isascii() and stripped.isdigit()):
        raise FormatError(
            f"frame is {text!r:.40}; frames are whole numbers from 0. Correct it",
            code="type.number",
        )
    number = int(stripped[:18])
    limits.check("frames", number, code="limit.frames", what="frame")
    return number


def joined_nodes(shapes: list[Element], nested: list[Element], limits: Limits) -> list[Element]:
    """Return skeletons with their nodes inside, of a track that has a track for each node.

    In frames where a node has no shape it is where its own track has it.
    """
    tracks = [node for track in nested if (node := _NodeTrack(track, limits)).frames]
    parents = {frame: shape for shape in shapes if (frame := _frame_or_none(shape)) is not None}
    frames = sorted({*parents, *(frame for track in tracks for frame in track.frames)})
    found: list[Element] = []
    model: Element = None
    for frame in frames:
        model = parents.get(frame, model)
        if model is None:
            model = nested[0].makeelement("skeleton")
        made = copy.copy(model) if frame in parents else model.makeelement("skeleton", model.attrib)
        for child in list(made.iterchildren("points")):
            made.remove(child)
        made.set("frame", str(frame))
        made.set("keyframe", model.get("keyframe", "1") if frame in parents else "0")
        for track in tracks:
            made.append(track.at(frame))
        found.append(made)
    return found


def _frame_or_none(shape: Element) -> int | None:
    text = (shape.get("frame") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


class _NodeTrack:
    """The track of one node of a skeleton."""

    def __init__(self, track: Element, limits: Limits) -> None:
        self._label = track.get("label") or ""
        self._limits = limits
        rows = [(frame_of(child, limits), child) for child in track.iterchildren("points")]
        rows.sort(key=lambda row: row[0])
        self.frames = [frame for frame, _ in rows]
        self._rows = [child for _, child in rows]

    def at(self, frame: int) -> Element:
        """Return the node in a frame as an element."""
        place = bisect_right(self.frames, frame) - 1
        early = place < 0
        row = self._rows[max(place, 0)]
        made = copy.copy(row)
        made.set("label", self._label)
        if early:
            made.set("outside", "1")
        if early or self.frames[place] == frame:
            return made
        made.set("keyframe", "0")
        if place + 1 < len(self.frames) and not flag(row.get("outside"), "outside", False):
            a, b = (
                points(shape.get("points"), "points of a node", self._limits)
                for shape in (row, self._rows[place + 1])
            )
            part = (frame - self.frames[place]) / (self.frames[place + 1] - self.frames[place])
            x, y = (a[0] + part * (b[0] - a[0])).tolist()
            made.set("points", f"{decimal(x, None)},{decimal(y, None)}")
        return made
