"""One track of CVAT's XML as an annotation over frames.

Frames are those of the source video. A shape that is ``outside`` hides the thing until a visible
one; a track that ends visible goes on to the end of its task. Between key frames CVAT interpolates,
also towards an outside shape: the mode ``approach``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dlgeom.annotation import Annotation
from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.converters.cvat.meta import LabelSpec, Task
from dlgeom.converters.cvat.options import SHAPES
from dlgeom.converters.cvat.read_nodes import frame_of, joined_nodes
from dlgeom.converters.cvat.read_shapes import Place, attributes_of, read_shape, unknown
from dlgeom.converters.cvat.text import flag
from dlgeom.converters.problems import Problems
from dlgeom.converters.voc.xmlio import Element
from dlgeom.definitions import Pose
from dlgeom.errors import FormatError, GeometryError
from dlgeom.limits import Limits

__all__ = ["TrackReader", "describe"]

_STATES = frozenset(SHAPES) - {"tag"}


class _Row(NamedTuple):
    """One shape of a track, with what is needed before its geometry."""

    frame: int
    element: Element


class TrackReader:
    """Reads the tracks of one file.

    Parameters
    ----------
    labels : dict of str to LabelSpec
        What the file says of its labels.
    every : bool
        Whether shapes that CVAT computed are read too.
    limits : Limits
        What one shape may hold.
    problems : Problems
        Told what is wrong.
    shown : str
        Path for messages.
    """

    def __init__(
        self,
        labels: dict[str, LabelSpec],
        *,
        every: bool,
        limits: Limits,
        problems: Problems,
        shown: str,
    ) -> None:
        self._labels = labels
        self._every = every
        self._limits = limits
        self._problems = problems
        self._shown = shown
        self._told: set[str] = set()

    def read(self, element: Element, task: Task, location: str) -> Annotation | None:
        """Return a track as an annotation; None, which is told, where nothing of it is good."""
        label = element.get("label") or None
        spec = self._labels.get(label or "")
        size = (task.width, task.height) if task.width and task.height else None
        rows = self._rows(element, location)
        several = any(row.element.tag == "points" and _count(row.element) > 1 for row in rows)
        place = Place(
            label, spec, size, self._limits, self._problems, self._shown, location, several
        )
        states, extras = self._states(rows, place)
        if not states:
            self._problems.skipped(
                "schema.field",
                "a track has no shape that can be read; it needs one at least. Correct it",
                path=self._shown,
                location=location,
            )
            return None
        states, end = self._ended(states, task, element.get("end_frame"))
        first = states[0]
        made = Annotation(
            first.annotation_definition,
            frame_num=first.frame_num,
            end_frame_num=end,
            fixed=first.fixed,
            object_visible=first.object_visible,
            later=tuple(states[1:]),
            interpolation="approach" if len(states) > 1 else "hold",
        )
        describe(made, element)
        name = element.get("id")
        if name is not None and name.isascii() and name.isdigit():
            made.object_id = name
        elif name is not None:
            made.extra["id"] = name
        if extras:
            made.extra["shapes"] = extras
        return made

    def _rows(self, element: Element, location: str) -> list[_Row]:
        """Return the shapes by frame; of two in one frame the last one counts."""
        nested = [child for child in element if child.tag == "track"]
        shapes = [child for child in element if child.tag in _STATES]
        if nested:
            try:
                shapes = joined_nodes(shapes, nested, self._limits)
            except FormatError as error:
                self._bad(error, location)
                shapes = []
        found: dict[int, Element] = {}
        for child in shapes:
            try:
                frame = frame_of(child, self._limits)
            except FormatError as error:
                self._bad(error, location)
                continue
            if frame in found:
                same = _content(found[frame]) == _content(child)
                tell = self._problems.notice if same else self._problems.repaired
                tell(
                    "record.duplicate",
                    f"has two shapes in frame {frame}; the last one counts",
                    path=self._shown,
                    location=location,
                )
            found[frame] = child
        for child in element:
            if child.tag not in _STATES and child.tag not in ("track", "attribute"):
                self._ignored(child)
        return [_Row(frame, found[frame]) for frame in sorted(found)]

    def _ignored(self, child: Element) -> None:
        if str(child.tag) not in self._told:
            self._told.add(str(child.tag))
            self._problems.notice(
                "xml.ignored",
                f"<{child.tag}> in a track is no shape that is known; it is passed over",
                path=self._shown,
            )

    def _bad(self, error: Exception, location: str) -> None:
        code = error.code if isinstance(error, FormatError) else "geometry.arity"
        message = error.message if isinstance(error, FormatError) else str(error)
        self._problems.repaired(
            code, f"{message}; this shape is left out", path=self._shown, location=location
        )

    def _states(
        self, rows: list[_Row], place: Place
    ) -> tuple[list[FrameAnnotation], dict[str, dict[str, str]]]:
        """Return the states that count, and what their elements say that nobody reads."""
        states: list[FrameAnnotation] = []
        extras: dict[str, dict[str, str]] = {}
        held: dict[str, Any] = {}
        track = place.location
        for frame, element in rows:
            place.location = f"{track}, frame {frame}"
            try:
                fixed = _is_key(element)
                visible = not _is_outside(element)
                attributes = attributes_of(element, place.spec, held)
                # What CVAT computed says nothing new; it never computes that a thing comes or goes.
                if not (fixed or self._every or not states) and (
                    visible == states[-1].object_visible and attributes == held
                ):
                    continue
                place.hidden = not visible
                shape = read_shape(element, place, attributes)
            except (FormatError, GeometryError) as error:
                self._bad(error, place.location)
                continue
            held = attributes
            states.append(FrameAnnotation(shape, frame, fixed, visible))
            if more := unknown(element):
                extras[str(frame)] = more
        place.location = track
        return states, extras

    def _ended(
        self, states: list[FrameAnnotation], task: Task, told: str | None
    ) -> tuple[list[FrameAnnotation], int]:
        """Return the states and the last frame in which the thing is there."""
        last = states[-1]
        if task.last is not None and last.frame_num > task.last:
            self._once(
                "beyond",
                f"has shapes in frame {last.frame_num}, its task ends with frame {task.last}; the "
                "frames are kept as they are",
            )
        if last.object_visible:
            if task.last is None:
                self._once(
                    "open",
                    "does not say how many frames there are; tracks that end visible end with "
                    "their last shape",
                )
                return states, last.frame_num
            return states, max(task.last, last.frame_num)
        if told is not None and told.isascii() and told.isdigit():
            end = int(told[:12])
            if last.frame_num <= end <= self._limits.frames:
                return states, end
        before = last.frame_num - 1
        if len(states) > 1 and before >= states[-2].frame_num and _closes(states[-2], last):
            # It says only that the thing is gone.
            return states[:-1], before
        return states, last.frame_num

    def _once(self, key: str, message: str) -> None:
        if key not in self._told:
            self._told.add(key)
            self._problems.notice("video.frames", message, path=self._shown)


def describe(annotation: Annotation, element: Element) -> None:
    """Fill in what a track, or a shape of an image, says besides its geometry."""
    source = element.get("source")
    if source is not None:
        annotation.source = source
        annotation.automated = source not in ("manual", "file")
    annotation.extra.update(unknown(element))
    group = element.get("group_id")
    if group is not None:
        stripped = group.strip()
        short = stripped.isascii() and stripped.isdigit() and len(stripped) < 16
        annotation.extra["group_id"] = int(stripped) if short else group
    score = element.get("score")
    if score is not None:
        try:
            value = float(score) if len(score) < 400 and score.isascii() else np.nan
        except ValueError:
            value = np.nan
        if np.isfinite(value) and "_" not in score:
            annotation.score = value
        else:
            annotation.extra["score"] = score


def _count(element: Element) -> int:
    return len([entry for entry in (element.get("points") or "").split(";") if entry.strip()])


def _is_key(element: Element) -> bool:
    """Whether somebody set the shape; of a skeleton, any of its nodes."""
    if flag(element.get("keyframe"), "keyframe", True):
        return True
    return element.tag == "skeleton" and any(
        flag(child.get("keyframe"), "keyframe", False) for child in element.iterchildren("points")
    )


def _is_outside(element: Element) -> bool:
    """Whether nothing is seen; of a skeleton that does not say so itself, of any of its nodes."""
    text = element.get("outside")
    if text is not None or element.tag != "skeleton":
        return flag(text, "outside", False)
    nodes = list(element.iterchildren("points"))
    return bool(nodes) and all(flag(node.get("outside"), "outside", False) for node in nodes)


def _closes(before: FrameAnnotation, last: FrameAnnotation) -> bool:
    """Whether the last state only repeats a visible one as outside."""
    if not before.object_visible or not last.fixed:
        return False
    a, b = before.annotation_definition, last.annotation_definition
    if isinstance(a, Pose) and isinstance(b, Pose):
        # All nodes of what is outside are outside.
        return (
            a.names == b.names
            and np.array_equal(a.geo, b.geo)
            and (a.label, a.attributes) == (b.label, b.attributes)
        )
    return a == b


def _content(element: Element) -> tuple[Any, ...]:
    return (
        element.tag,
        dict(element.attrib),
        (element.text or "").strip(),
        [_content(child) for child in element],
    )
