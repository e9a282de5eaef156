"""``snapshots_``: the states of an annotation over the frames of a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.converters.dataloop.coordinates import decode, encode, merged
from dlgeom.converters.dataloop.values import Tell, bad, number, quiet
from dlgeom.definitions.base import Definition
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["frame_number", "read_states", "snapshots_by_frame", "state_of", "write_snapshots"]


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
    frame = _frame_of(snapshot, what, fps, limits)
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


def _frame_of(snapshot: Mapping[str, Any], what: str, fps: float | None, limits: Limits) -> int:
    if snapshot.get("frame") is not None:
        return frame_number(snapshot["frame"], f"{what}: frame", limits)
    if fps is None or snapshot.get("startTime") is None:
        raise bad("schema.field", f"{what} has no frame. Add it")
    from dlgeom.video.timebase import frame_of_time

    seconds = number(snapshot["startTime"], f"{what}: startTime")
    return frame_number(max(frame_of_time(seconds, fps), 0), f"{what}: frame", limits)


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
    raw: Mapping[int, Mapping[str, Any]] | None = None,
    own: Definition | None = None,
    *,
    whole: bool = False,
    shape: tuple[int, int] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> list[dict[str, Any]]:
    """Return ``snapshots_`` of states.

    Parameters
    ----------
    states : sequence of FrameAnnotation
        All, the first one included: it needs a snapshot where it is hidden or not fixed.
    raw : mapping of int to snapshot, optional
        By frame: what was read. Of a snapshot that was changed only those keys are written that
        would be read as something else: a key that is missing there is taken from before it.
    own : Definition, optional
        What the annotation says outside of its snapshots; that of the first state if None.
    whole : bool, default False
        Whether also states that only repeat the one before them are written.
    """
    known = raw or {}
    found: list[dict[str, Any]] = []
    before = states[0].annotation_definition if own is None else own
    for k, state in enumerate(states):
        new = state.frame_num not in known
        if new and k == 0 and state.fixed and state.object_visible:
            continue
        if new and k and not whole and not state.fixed and _holds(states[k - 1], state):
            continue
        for frame in range(state.frame_num, state.last + 1):
            if frame in known:
                found.append(_changed(known[frame], before, state, shape, limits))
            else:
                found.append(_snapshot(state, frame, before))
            before = state.annotation_definition
    return found


def snapshots_by_frame(snapshots: object, fps: float) -> dict[int, Mapping[str, Any]]:
    """Return what was read by frame; of two of one frame the last, which counts."""
    entries = snapshots if isinstance(snapshots, list) else []
    return {
        _frame_of(entry, "snapshot", fps, DEFAULT_LIMITS): entry
        for entry in entries
        if isinstance(entry, Mapping)
    }


def _changed(
    raw: Mapping[str, Any],
    before: Definition,
    state: FrameAnnotation,
    size: tuple[int, int] | None,
    limits: Limits,
) -> dict[str, Any]:
    """Return a snapshot that was read, with what would be read as something else replaced."""
    read = state_of({**raw, "frame": 0}, before, shape=size, limits=limits)
    there, shape = read.annotation_definition, state.annotation_definition
    found = dict(raw)
    if not shape._same_geometry(there):
        found["data"] = merged(raw.get("data"), encode(shape), shape.type)
    if shape.label != there.label:
        found["label"] = shape.label
    if shape.attributes != there.attributes:
        listed = isinstance(shape.attributes, list)
        found["namedAttributes"] = {} if listed else dict(shape.attributes or {})
        if listed:
            found["attributes"] = list(shape.attributes)
        elif not shape.attributes:
            found["attributes"] = []
    if shape.description != there.description:
        found["description"] = shape.description
    if state.fixed != read.fixed:
        found["fixed"] = state.fixed
    if state.object_visible != read.object_visible:
        found["objectVisible"] = state.object_visible
    return found


def _holds(before: FrameAnnotation, state: FrameAnnotation) -> bool:
    """Whether a state only repeats the one before it."""
    return (
        before.annotation_definition == state.annotation_definition
        and before.object_visible == state.object_visible
    )


def _snapshot(state: FrameAnnotation, frame: int, before: Definition) -> dict[str, Any]:
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
    if shape.description is not None or before.description is not None:
        # A snapshot that says nothing of it has that of the state before.
        found["description"] = shape.description
    return found
