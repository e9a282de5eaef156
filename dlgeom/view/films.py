"""Videos for the page: when each frame is shown, and where each thing is in it.

A track becomes its states; what moves evenly between two of them (number by number) is left to
the page, everything else is computed here, a state for each frame.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from dlgeom.annotation import Annotation
from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.definitions import Box, Cube, Point, Subtitle
from dlgeom.definitions.base import Definition
from dlgeom.errors import DlgeomError
from dlgeom.item import Item
from dlgeom.view.shapes import primitives

__all__ = ["film_facts", "states_of"]

DENSE = 3_000
"""Frames of one annotation that are computed; where there are more, only every n-th one is."""


def states_of(annotation: Annotation) -> dict[str, Any] | None:
    """Return the states of an annotation over frames; None if it is in one frame or none.

    Returns
    -------
    dict
        ``k``: list of ``[frame, visible, primitives]``, ascending; ``e``: the last frame;
        ``m``: 1 where the page interpolates between two visible states, 0 where a state holds.
    """
    if isinstance(annotation.annotation_definition, Subtitle):
        return None
    if not annotation.later and annotation.end_frame <= annotation.start_frame:
        if annotation.frame_num is None:
            return None
        return _of([_state(annotation.states[0])], annotation, 0)
    states = list(annotation.states)
    if annotation.interpolation == "hold":
        return _of([_state(state) for state in states], annotation, 0)
    if all(map(_evenly, states, states[1:])):
        return _of([entry for state in states for entry in _ends(state)], annotation, 1)
    frames = annotation.frames
    step = max(1, len(frames) // DENSE)
    chosen = {state.frame_num for state in states} | {
        *range(annotation.start_frame, annotation.end_frame + 1, step)
    }
    return _of([_state(frames[frame]) for frame in sorted(chosen)], annotation, 0)


def _of(states: list[list[Any]], annotation: Annotation, mode: int) -> dict[str, Any]:
    return {"k": states, "e": annotation.end_frame, "m": mode}


def _state(state: FrameAnnotation) -> list[Any]:
    return [
        state.frame_num,
        int(state.object_visible),
        primitives(state.annotation_definition) if state.object_visible else [],
    ]


def _ends(state: FrameAnnotation) -> list[list[Any]]:
    """Return a state, and its last frame where it counts for a range of frames."""
    first = _state(state)
    return [first] if state.last == state.frame_num else [first, [state.last, *first[1:]]]


def _evenly(first: FrameAnnotation, second: FrameAnnotation) -> bool:
    """Whether what is drawn moves number by number between two states."""
    if not first.object_visible or not second.object_visible:
        return True
    a, b = first.annotation_definition, second.annotation_definition
    return type(a) is type(b) and _is_even(a) and _is_even(b)


def _is_even(shape: Definition) -> bool:
    return isinstance(shape, Point | Cube) or (isinstance(shape, Box) and not shape.is_rotated)


def film_facts(item: Item, path: Path | None) -> dict[str, Any]:
    """Return when frames are shown: ``fps`` of a constant rate, else ``times`` in milliseconds."""
    if path is not None:
        from dlgeom.video.files import Video

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Video(path) as video:
                    return _facts(video)
        except (DlgeomError, OSError):
            pass
    return {"fps": item.fps or 25.0, "frames": item.frame_count or 0}


def _facts(video: Any) -> dict[str, Any]:
    found = {"frames": len(video), "w": video.width, "h": video.height}
    times = video.times
    if times.is_constant and times.rate is not None:
        return {**found, "fps": float(times.rate)}
    return {**found, "times": [round(float(times.time(k)) * 1000, 3) for k in range(len(times))]}
