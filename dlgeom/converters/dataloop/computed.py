"""States between key frames, for JSON whose readers only hold: computed, and taken back.

The platform shows the last snapshot up to the next one. An annotation that moves between its key
frames is therefore written with a snapshot for each frame in which something moves, not
``fixed``, as the platform's own editor writes what it interpolates. ``metadata.user.dlgeom.track``
says which of them are key frames, and what lies between; it counts as long as the snapshots are
what these key frames give, so that an edit made elsewhere wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, get_args

import msgspec

from dlgeom.annotation.frames import FrameAnnotation, Frames, Interpolation
from dlgeom.annotation.single import Annotation
from dlgeom.converters.dataloop.coordinates import encode
from dlgeom.converters.dataloop.options import MOST
from dlgeom.definitions.base import Definition

__all__ = ["Room", "mixed", "restored", "shown_states", "track_hint"]

_NEAR = 1e-6
"""Coordinates may differ by so much: some geometry is stored as edges, some as centre and size."""

States = tuple[FrameAnnotation, ...]


class Room:
    """How many snapshots an item may still have that are computed, or repeat the one before.

    Parameters
    ----------
    most : int
        How many in all.

    Attributes
    ----------
    refused : list of Annotation
        Those that need more than was left: only their key frames are written.
    """

    __slots__ = ("left", "refused")

    def __init__(self, most: int = MOST) -> None:
        self.left = most
        self.refused: list[Annotation] = []

    def takes(self, annotation: Annotation) -> bool:
        """Whether there is room for what is computed or repeated; it is taken then."""
        count = sum(right - left - 1 for left, right in _gaps(annotation))
        count += sum(state.last - state.frame_num for state in annotation.states)
        if count > max(self.left, 0):
            self.refused.append(annotation)
            return False
        self.left -= count
        return True


def shown_states(annotation: Annotation, room: Room) -> tuple[States, bool]:
    """Return the states that show the same where each holds up to the next, and if all count.

    Returns
    -------
    states : tuple of FrameAnnotation
        Those of the annotation, and the computed ones where there is room for them.
    whole : bool
        Whether also a state that repeats the one before it is to be written: it may be a key
        frame from which on something moves.
    """
    states = annotation.states
    if not room.takes(annotation):
        return tuple(msgspec.structs.replace(state, until=None) for state in states), True
    if annotation.interpolation == "hold":
        return states, False
    frames = annotation.frames
    moving = dict(_gaps(annotation))
    found: list[FrameAnnotation] = []
    for state in states:
        found.append(state)
        found.extend(frames[k] for k in range(state.last + 1, moving.get(state.last, 0)))
    return tuple(found), True


def _gaps(annotation: Annotation) -> Iterator[tuple[int, int]]:
    """Yield last and next frame of each two states between which something moves."""
    if annotation.interpolation == "hold":
        return
    for left, right in pairwise(annotation.states):
        if right.frame_num > left.last + 1 and _moves(left, right, annotation.interpolation):
            yield left.last, right.frame_num


def _moves(left: FrameAnnotation, right: FrameAnnotation, mode: Interpolation) -> bool:
    """Whether anything that the JSON can tell changes from one state towards the next."""
    if not left.object_visible or not (right.object_visible or mode == "approach"):
        return False
    from dlgeom.video.interpolation import interpolate

    start = left.annotation_definition
    middle = interpolate(start, right.annotation_definition, 0.5)
    return middle is not start and bool(encode(middle) != encode(start))


def mixed(annotation: Annotation) -> bool:
    """Whether the states of an annotation are of more than one type, which no snapshot tells."""
    kind = annotation.annotation_definition.type
    return any(state.type != kind for state in annotation.states)


def track_hint(annotation: Annotation, *, computed: bool) -> dict[str, Any] | None:
    """Return what says how the snapshots came about, None where they are all that there is."""
    if annotation.interpolation == "hold" and computed:
        return None
    keys = [
        state.frame_num if state.until is None else [state.frame_num, state.last]
        for state in annotation.states
    ]
    return {"mode": annotation.interpolation, "keys": keys, "computed": computed}


def restored(
    hint: Mapping[str, Any], states: States, end: int
) -> tuple[States, Interpolation] | None:
    """Return the key frames of which states were made, None where they were edited since.

    Parameters
    ----------
    hint : mapping
        Of `track_hint`.
    states : tuple of FrameAnnotation
        As they were read.
    end : int
        Last frame of the annotation.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the hint is none.
    """
    mode: Interpolation = hint["mode"]
    if mode not in get_args(Interpolation):
        raise ValueError(f"mode {mode!r}")
    spans = [_span(key) for key in hint["keys"]]
    by_frame = {state.frame_num: state for state in states}
    keys: list[FrameAnnotation] = []
    for first, last in spans:
        state = by_frame.get(first)
        if state is None or (keys and first <= keys[-1].last):
            return None
        until = None if last == first else last
        keys.append(
            FrameAnnotation(
                state.annotation_definition, first, state.fixed, state.object_visible, until=until
            )
        )
    if not keys or keys[0].until is not None:
        raise ValueError("keys begin with a frame")
    made = Annotation(keys[0].annotation_definition)
    made.fixed, made.object_visible = keys[0].fixed, keys[0].object_visible
    made.interpolation, made.frame_num, made.later = mode, keys[0].frame_num, tuple(keys[1:])
    whole = hint["computed"] is True
    moving = dict(_gaps(made)) if whole else {}
    count = sum(last - first + 1 for first, last in spans) if whole else len(spans)
    if end < keys[-1].last:
        return None
    # First how many: frames of a hint are untrusted numbers.
    if count + sum(right - left - 1 for left, right in moving.items()) != len(states):
        return None
    shown = keys if whole else [msgspec.structs.replace(key, until=None) for key in keys]
    expected = _expected(Frames(keys[0], tuple(keys[1:]), end, mode), shown, moving)
    if all(_same(a, b) for a, b in zip(expected, states, strict=True)):
        return tuple(keys), mode
    return None


def _span(key: Any) -> tuple[int, int]:
    first, last = key if isinstance(key, list) else (key, key)
    if type(first) is not int or type(last) is not int or not 0 <= first <= last:
        raise ValueError(f"key {key!r:.40}")
    return first, last


def _expected(
    frames: Frames, keys: list[FrameAnnotation], moving: dict[int, int]
) -> Iterator[FrameAnnotation]:
    for key in keys:
        for frame in range(key.frame_num, key.last + 1):
            yield FrameAnnotation(key.annotation_definition, frame, key.fixed, key.object_visible)
        for frame in range(key.last + 1, moving.get(key.last, 0)):
            yield frames[frame]


def _same(expected: FrameAnnotation, state: FrameAnnotation) -> bool:
    a, b = expected.annotation_definition, state.annotation_definition
    return (
        (expected.frame_num, expected.fixed, expected.object_visible)
        == (state.frame_num, state.fixed, state.object_visible)
        and (a is b or _same_shape(a, b))
    )  # fmt: skip


def _same_shape(a: Definition, b: Definition) -> bool:
    return (
        type(a) is type(b)
        and (a.label, a.attributes, a.description) == (b.label, b.attributes, b.description)
        and _near(encode(a), encode(b))
    )


def _near(a: Any, b: Any) -> bool:
    """Whether two JSON values are the same but for a bit of their numbers."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_near(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_near, a, b))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) <= _NEAR or a == b
    return bool(a == b)
