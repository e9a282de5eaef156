"""``snapshots_``: the states of an annotation over the frames of a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.converters.dataloop.coordinates import decode, encode
from dlgeom.converters.dataloop.values import Tell, bad, number, quiet
from dlgeom.definitions.base import Definition
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["frame_number", "read_states", "state_of", "write_snapshots"]


def frame_number(value: object, what: str, limits: Limits = DEFAULT_LIMITS) -> int:
    """Return a frame: a whole number from 0, within the limit."""
    found = number(value, what, Limits(coordinate=float("inf")))
    if found < 0 or found != int(found):
        raise bad("value.range", f"{what} is {value!r}; frames are whole numbers from 0")
    if found > limits.frames:
        raise bad(
            "limit.frames",
            f"{what} is {value!r}, more than {limits.frames} (limit frames). "
            "Correct it, or raise the limit with --limit frames=N",
        )
    return int(found)


def attributes_of(raw: Mapping[str, Any], named: Any, what: str) -> Any:
    """Return attributes: the dict of version 2 where it says anything, else the list of 1."""
    if named is not None and not isinstance(named, Mapping):
        raise bad("schema.type", f"{what}: attributes are {named!r:.60}; expected an object")
    older = raw.get("attributes")
    if older is not None and not isinstance(older, list | Mapping):
        raise bad("schema.type", f"{what}: attributes are {older!r:.60}; expected a list")
    if named:
        return named
    if isinstance(older, list) and not all(isinstance(entry, str) for entry in older):
        raise bad("type.text", f"{what}: attributes of version 1 are a list of texts")
    return older or None


def state_of(
    snapshot: object,
    before: Definition,
    what: str = "snapshot",
    *,
    fps: float | None = None,
    shape: tuple[int, int] | None = None,
    tell: Tell = quiet,
    limits: Limits = DEFAULT_LIMITS,
) -> FrameAnnotation:
    """Read one snapshot; what it does not say is taken from the state before.

    Parameters
    ----------
    snapshot : mapping
        ``frame``, ``data``, ``label``, ``fixed``, ``objectVisible``, ``attributes``,
        ``namedAttributes``, ``description``: all but the frame may be missing.
    before : Definition
        The state that it follows.
    fps : float, optional
        Frames in a second, where it has ``startTime`` and no frame.
    """
    if not isinstance(snapshot, Mapping):
        raise bad("schema.type", f"{what} is {snapshot!r:.60}; a snapshot is an object")
    if snapshot.get("frame") is None:
        if fps is None or snapshot.get("startTime") is None:
            raise bad("schema.field", f"{what} has no frame. Add it")
        from dlgeom.video.timebase import frame_of_time

        seconds = number(snapshot["startTime"], f"{what}: startTime")
        frame = frame_number(max(frame_of_time(seconds, fps), 0), f"{what}: frame", limits)
    else:
        frame = frame_number(snapshot["frame"], f"{what}: frame", limits)
    label = snapshot.get("label", before.label)
    if label is not None and not isinstance(label, str):
        raise bad("type.text", f"{what}: label is {label!r}; it is text. Correct it")
    named = snapshot.get("namedAttributes")
    if named is None and not snapshot.get("attributes"):
        attributes = before.attributes
    else:
        attributes = attributes_of(snapshot, named, what)
    description = snapshot.get("description", before.description)
    if description is not None and not isinstance(description, str):
        raise bad("type.text", f"{what}: description is {description!r}; it is text")
    data = snapshot.get("data")
    if data is None:
        shape_there = before.replace(label=label, attributes=attributes, description=description)
    else:
        shape_there = decode(
            before.type,
            data,
            label,
            attributes,
            description,
            shape=shape,
            tell=tell,
            limits=limits,
        )
    fixed, visible = snapshot.get("fixed", False), snapshot.get("objectVisible", True)
    return FrameAnnotation(
        shape_there,
        frame,
        fixed=bool(fixed) if fixed is not None else False,
        object_visible=bool(visible) if visible is not None else True,
    )


def read_states(
    snapshots: object,
    first: FrameAnnotation,
    end: int | None,
    *,
    fps: float,
    shape: tuple[int, int] | None,
    tell: Tell,
    limits: Limits,
) -> tuple[FrameAnnotation, ...]:
    """Read ``snapshots_`` into states, the first one included, ascending by frame.

    A snapshot of the first frame wins over the annotation's own state; of two snapshots of one
    frame the later one in the file; frames outside of the annotation's span stretch it.
    """
    if snapshots is None:
        return (first,)
    if not isinstance(snapshots, list):
        raise bad("schema.type", f"snapshots_ is {snapshots!r:.60}; it is a list")
    order = []
    for k, snapshot in enumerate(snapshots):
        if not isinstance(snapshot, Mapping):
            tell("schema.type", f"snapshots_[{k}] is {snapshot!r:.60}, no object; it says nothing")
            continue
        order.append((_frame_for_order(snapshot, fps), k, snapshot))
    order.sort(key=lambda entry: entry[:2])
    states: list[FrameAnnotation] = [first]
    before = first.annotation_definition
    for _, k, snapshot in order:
        state = state_of(
            snapshot,
            before,
            f"snapshots_[{k}]",
            fps=fps,
            shape=shape,
            tell=tell,
            limits=limits,
        )
        before = state.annotation_definition
        last = states[-1]
        if state.frame_num == last.frame_num:
            if last is not first:
                tell("schema.repeated", f"frame {state.frame_num} has two snapshots; the last wins")
            states[-1] = state
        elif state.frame_num < first.frame_num and last is first:
            tell(
                "video.frames",
                f"a snapshot of frame {state.frame_num} is before the first frame, "
                f"{first.frame_num}; the annotation begins there",
            )
            states = [state, first]
        else:
            states.append(state)
    if end is not None and states[-1].frame_num > end:
        tell(
            "video.frames",
            f"a snapshot of frame {states[-1].frame_num} is after the last frame, {end}; the "
            "annotation ends there",
        )
    return tuple(sorted(states, key=lambda state: state.frame_num))


def _frame_for_order(snapshot: Mapping[str, Any], fps: float) -> float:
    frame = snapshot.get("frame")
    if isinstance(frame, int | float) and not isinstance(frame, bool):
        return float(frame)
    seconds = snapshot.get("startTime")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        return float(seconds) * fps
    return 0.0


def write_snapshots(
    states: Sequence[FrameAnnotation],
    raw: Mapping[int, Mapping[str, Any]],
    kept: Mapping[int, FrameAnnotation],
    limits: Limits = DEFAULT_LIMITS,
) -> list[dict[str, Any]]:
    """Return ``snapshots_`` of states, ascending by frame.

    Parameters
    ----------
    states : sequence of FrameAnnotation
        All, the first one included: it needs a snapshot where it is hidden or not fixed.
    raw, kept : mapping of int to snapshot, FrameAnnotation
        By frame: what was read, and the state that it gave. A state that is still the same comes
        out as it was.
    """
    found: list[dict[str, Any]] = []
    for k, state in enumerate(states):
        plain_start = k == 0 and state.fixed and state.object_visible
        if plain_start and state.frame_num not in raw:
            continue
        if k and not state.fixed and _holds(states[k - 1], state):
            continue
        for frame in range(state.frame_num, state.last + 1):
            if frame in raw and kept.get(frame) == state:
                found.append(dict(raw[frame]))
            else:
                found.append(_snapshot(state, frame))
    return found


def _holds(before: FrameAnnotation, state: FrameAnnotation) -> bool:
    """Whether a state only repeats the one before it."""
    return (
        before.annotation_definition == state.annotation_definition
        and before.object_visible == state.object_visible
    )


def _snapshot(state: FrameAnnotation, frame: int) -> dict[str, Any]:
    shape = state.annotation_definition
    attributes = shape.attributes
    found: dict[str, Any] = {
        "frame": frame,
        "fixed": state.fixed,
        "type": shape.type,
        "label": shape.label,
        "objectVisible": state.object_visible,
        "data": encode(shape),
        "attributes": list(attributes) if isinstance(attributes, list) else [],
        "namedAttributes": dict(attributes) if isinstance(attributes, dict) else {},
    }
    if shape.description is not None:
        found["description"] = shape.description
    return found
