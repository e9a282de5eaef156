"""One annotation of the platform's JSON, read and written.

What the platform's JSON has no place for (a score above 1, a stored area, the parts of a
polygon...) is kept under ``metadata.user.dlgeom``, which is the user's, so that what is written
is read back as it was. What was read and not changed comes out as it was, key for key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.annotation.single import NO_DEFINITION, Annotation
from dlgeom.converters.dataloop.computed import Room, shown_states
from dlgeom.converters.dataloop.coordinates import decode, encode, merged
from dlgeom.converters.dataloop.hints import read_hints, read_track, write_hints
from dlgeom.converters.dataloop.snapshots import (
    attributes_of,
    frame_number,
    read_states,
    snapshots_by_frame,
    write_snapshots,
)
from dlgeom.converters.dataloop.values import Tell, bad, number, quiet, text
from dlgeom.definitions import Subtitle
from dlgeom.definitions.base import Definition
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["Record", "read_annotation", "write_annotation"]

IDS = ("id", "_id", "annotationId")
PLAIN = {
    "creator": "creator",
    "created_at": "createdAt",
    "updated_by": "updatedBy",
    "updated_at": "updatedAt",
    "source": "source",
}
"""Fields of an annotation and their keys at the top."""
SYSTEM = {
    "object_id": "objectId",
    "parent_id": "parentId",
    "status": "status",
    "automated": "automated",
}
"""Fields of an annotation and their keys in ``metadata.system``."""
OWNED = frozenset(
    {
        *IDS,
        *PLAIN.values(),
        "type",
        "label",
        "coordinates",
        "attributes",
        "metadata",
        "description",
    }
)
FOREIGN = ("datasetId", "itemId", "url", "item", "dataset", "hash", "labelSuggestions")
"""Keys of the platform that mean nothing here; they are in `Annotation.extra`."""


OWNED_SYSTEM = frozenset(
    {
        *SYSTEM.values(),
        "attributes",
        "frame",
        "endFrame",
        "startTime",
        "endTime",
        "snapshots_",
    }
)
"""Keys of ``metadata.system`` that fields of an annotation stand for."""


class Record(msgspec.Struct, eq=False):
    """The platform's own record of an annotation.

    Parameters
    ----------
    raw : dict
        As it was read.
    before : Annotation
        What reading it gave: what still equals this is written as it stands in `raw`.
    points : tuple of Annotation
        Of a pose that was joined: the annotations of its points.
    index : int
        Position among the annotations of its file.
    """

    raw: dict[str, Any]
    before: Annotation
    points: tuple[Annotation, ...] = ()
    index: int = -1


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise bad("schema.type", f"{what} is {value!r:.60}; it is an object. Correct it")
    return value


def read_annotation(
    raw: object,
    item: Item | None = None,
    *,
    is_video: bool | None = None,
    is_audio: bool | None = None,
    tell: Tell = quiet,
    limits: Limits = DEFAULT_LIMITS,
    index: int = -1,
) -> Annotation:
    """Read one annotation.

    Parameters
    ----------
    raw : mapping
        As the platform has it; the annotation keeps it.
    item : Item, optional
        What it belongs to.
    is_video, is_audio : bool, optional
        Overrule what the item says.
    tell : callable
        Told of what is doubtful and kept.

    Raises
    ------
    FormatError
        If it cannot be read.
    """
    if not isinstance(raw, dict):
        raise bad("schema.type", f"annotation is {raw!r:.60}; it is an object. Leave it out")
    for key in ("type", "label"):
        if key not in raw:
            raise bad("schema.field", f"annotation has no {key!r}; each has a type and a label")
    kind = text(raw["type"], "type", limits)
    label = None if raw["label"] is None else text(raw["label"], "label", limits)
    metadata = _mapping(raw.get("metadata"), "metadata")
    system = _mapping(metadata.get("system"), "metadata.system")
    user = metadata.get("user")
    hints = user.get("dlgeom") if isinstance(user, Mapping) else None
    description = raw.get("description", system.get("description"))
    if description is not None:
        description = text(description, "description", limits, name=False)
    attributes = attributes_of(raw, system.get("attributes"), "annotation")
    shape = decode(
        kind,
        raw.get("coordinates"),
        label,
        attributes,
        description,
        shape=None if item is None else item.shape,
        tell=tell,
        limits=limits,
    )
    annotation = Annotation(shape, _first(raw, IDS), item=item)
    annotation.metadata = _others(metadata, system)
    for field, key in PLAIN.items():
        setattr(annotation, field, raw.get(key))
    _read_system(annotation, system)
    if annotation.source == "sdk" and annotation.created_at is None:
        # What our own writer says of an annotation that was never on a platform.
        annotation.source = None
    known = None if item is None else item.id
    annotation.extra = {
        key: value
        for key, value in raw.items()
        if key not in OWNED
        and not (key in FOREIGN and value is None)
        and not (key == "itemId" and value == known)
    }
    if shape.attributes and isinstance(shape.attributes, dict) and raw.get("attributes"):
        # Both versions: the older one is not lost (`Annotation.attributes_v1`).
        annotation.extra["attributes"] = raw["attributes"]
    annotation.score = _confidence(user)
    if hints is not None:
        read_hints(annotation, _mapping(hints, "metadata.user.dlgeom"), item)
    _read_span(annotation, system, is_video, is_audio, tell, limits)
    if hints is not None and annotation.frame_num is not None:
        read_track(annotation, hints)
    before = annotation.copy()
    annotation.record = Record(raw, before, index=index)
    return annotation


def _others(metadata: Mapping[str, Any], system: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the metadata that no field of an annotation stands for; None if there is none."""
    found = dict(metadata)
    user = metadata.get("user")
    if isinstance(user, Mapping):
        kept = {key: value for key, value in user.items() if key != "dlgeom"}
        model = kept.get("model")
        if isinstance(model, Mapping) and set(model) == {"confidence"}:
            del kept["model"]
        found["user"] = kept
    found["system"] = {key: value for key, value in system.items() if key not in OWNED_SYSTEM}
    return {key: value for key, value in found.items() if value} or None


def _first(raw: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((raw[key] for key in keys if raw.get(key) is not None), None)


def _read_system(annotation: Annotation, system: Mapping[str, Any]) -> None:
    thing = system.get("objectId")
    annotation.object_id = None if thing is None else str(thing)
    annotation.parent_id = system.get("parentId")
    annotation.status = system.get("status")
    annotation.automated = bool(system.get("automated", False))


def _confidence(user: Any) -> float | None:
    """Return ``metadata.user.model.confidence``, where a model made it."""
    model = user.get("model") if isinstance(user, Mapping) else None
    value = model.get("confidence") if isinstance(model, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _tells_video(annotation: Annotation, system: Mapping[str, Any]) -> bool:
    """Whether it lies in a video; without an item its own frames have to tell."""
    item = annotation.item
    if item is not None and item.tells_media:
        return item.media == "video"
    end = system.get("endFrame")
    late = isinstance(end, int | float) and not isinstance(end, bool) and end > 1
    return bool(system.get("snapshots_")) or (annotation.object_id is not None and late)


def _read_span(
    annotation: Annotation,
    system: Mapping[str, Any],
    is_video: bool | None,
    is_audio: bool | None,
    tell: Tell,
    limits: Limits,
) -> None:
    """Read frames and times, where they mean anything: not for images."""
    item, shape = annotation.item, annotation.annotation_definition
    audio = bool(is_audio) if is_audio is not None else item is not None and item.media == "audio"
    video = bool(is_video) if is_video is not None else _tells_video(annotation, system)
    if not video and not (audio or isinstance(shape, Subtitle)):
        # Frames of sound and of subtitles only follow from their times.
        _check_span(system, tell, limits)
    if not (audio or video or isinstance(shape, Subtitle)):
        return
    for field, key in (("start_time", "startTime"), ("end_time", "endTime")):
        if system.get(key) is not None:
            setattr(annotation, field, number(system[key], f"metadata.system.{key}"))
    if not video or isinstance(shape, Subtitle):
        return
    fps = annotation.fps
    start, end = system.get("frame"), system.get("endFrame")
    if start is not None:
        annotation.frame_num = frame_number(start, "metadata.system.frame", limits)
    first = FrameAnnotation(shape, annotation.start_frame)
    last = None if end is None else frame_number(end, "metadata.system.endFrame", limits)
    if last is None and annotation.end_time is not None:
        last = frame_number(annotation.end_frame, "metadata.system.endTime", limits)
    states = read_states(
        system.get("snapshots_"),
        first,
        last,
        fps=fps,
        shape=None if item is None else item.shape,
        tell=tell,
        limits=limits,
    )
    begin = states[0]
    annotation.annotation_definition = begin.annotation_definition
    # The annotation's own state has no such flags; a snapshot at its frame has.
    annotation.fixed, annotation.object_visible = begin.fixed, begin.object_visible
    annotation.frame_num, annotation.later = begin.frame_num, states[1:]
    annotation.end_frame_num = max(begin.frame_num if last is None else last, states[-1].frame_num)


def _check_span(system: Mapping[str, Any], tell: Tell, limits: Limits) -> None:
    """Check frames that are kept but not used: images have them too."""
    for key in ("frame", "endFrame"):
        if system.get(key) is not None:
            frame_number(system[key], f"metadata.system.{key}", limits)
    snapshots = system.get("snapshots_")
    if snapshots is not None and not isinstance(snapshots, list):
        raise bad("schema.type", f"snapshots_ is {snapshots!r:.60}; it is a list")
    for k, snapshot in enumerate(snapshots or ()):
        if not isinstance(snapshot, Mapping):
            tell("schema.type", f"snapshots_[{k}] is {snapshot!r:.60}, no object; it says nothing")


# Writing.


def write_annotation(
    annotation: Annotation,
    *,
    color: Any = None,
    limits: Limits = DEFAULT_LIMITS,
    room: Room | None = None,
) -> dict[str, Any]:
    """Return one annotation as the platform has it.

    Parameters
    ----------
    annotation : Annotation
        If it was read from the platform's JSON, what was not changed comes out as it was.
    color : sequence of int, optional
        Red, green, blue of a mask; white if not given.
    room : Room, optional
        How many snapshots may be computed for what moves between key frames; it is told where
        they are too many.

    Raises
    ------
    UsageError
        If it has no definition yet.
    """
    room = Room() if room is None else room
    if annotation.annotation_definition is NO_DEFINITION:
        raise UsageError("the annotation has no definition; give it one with add_frame() first")
    record = annotation.record
    if isinstance(record, Record):
        if annotation == record.before:
            return dict(record.raw)
        return _edited(annotation, record, color, limits, room)
    return _fresh(annotation, color, limits, room)


def _fresh(annotation: Annotation, color: Any, limits: Limits, room: Room) -> dict[str, Any]:
    """Return the JSON of an annotation that does not come from the platform."""
    given = annotation.metadata or {}
    metadata = {
        **given,
        "system": dict(given.get("system") or {}),
        "user": dict(given.get("user") or {}),
    }
    result: dict[str, Any] = {
        "id": annotation.id,
        "url": None,
        "creator": annotation.creator,
        "metadata": metadata,
        "hash": None,
        "itemId": None,
        "item": None,
        "label": None,
        "dataset": None,
        "createdAt": annotation.created_at,
        "updatedBy": annotation.updated_by,
        "updatedAt": annotation.updated_at,
        "source": annotation.source or "sdk",
        "datasetId": None,
        "type": None,
    }
    if annotation.item is not None and annotation.item.id is not None:
        result["itemId"] = annotation.item.id
    foreign = {key: annotation.extra[key] for key in FOREIGN if key in annotation.extra}
    result.update(foreign)
    _write_shape(result, metadata["system"], annotation, color)
    system = metadata["system"]
    system["automated"] = annotation.automated
    named = {
        "objectId": annotation.object_id,
        "parentId": annotation.parent_id,
        "status": _status(annotation.status),
    }
    system.update({key: value for key, value in named.items() if value is not None})
    computed = _write_span(system, annotation, None, limits, room)
    _write_model(metadata, annotation)
    hints = write_hints(annotation, exclude=frozenset(foreign), computed=computed)
    if hints:
        metadata["user"]["dlgeom"] = hints
    return result


def _status(value: str | None) -> str | None:
    """Return a review status; the platform writes ``clear`` as null."""
    return None if value is None or str(value) == "clear" else str(value)


def _write_shape(
    result: dict[str, Any], system: dict[str, Any], annotation: Annotation, color: Any
) -> None:
    shape = annotation.states[0].annotation_definition
    result["type"], result["label"] = shape.type, shape.label
    if shape.type == "item_description" and shape.label is None:
        result["label"] = "item.description"
    coordinates = encode(shape, color)
    if shape.type == "class":
        result.pop("coordinates", None)
    else:
        result["coordinates"] = coordinates
    _write_attributes(result, system, annotation, shape.attributes)
    if shape.description is not None:
        result["description"] = shape.description
    else:
        result.pop("description", None)


def _write_attributes(
    result: dict[str, Any], system: dict[str, Any], annotation: Annotation, attributes: Any
) -> None:
    if isinstance(attributes, list):
        result["attributes"], system["attributes"] = list(attributes), {}
        return
    system["attributes"] = msgspec.to_builtins(attributes)
    older = annotation.extra.get("attributes")
    result["attributes"] = list(older) if isinstance(older, list) else None


def _write_model(metadata: dict[str, Any], annotation: Annotation) -> None:
    score = annotation.score
    if score is None or not 0 <= score <= 1:
        return
    user = metadata.setdefault("user", {})
    model = user.get("model")
    user["model"] = {**(model if isinstance(model, Mapping) else {}), "confidence": score}


def _write_span(
    system: dict[str, Any],
    annotation: Annotation,
    record: Record | None,
    limits: Limits,
    room: Room,
    own: Definition | None = None,
) -> bool:
    """Write frames and times, where they mean anything; of what was read only what changed.

    Returns
    -------
    bool
        Whether there was room for what is computed between key frames.
    """
    subtitle = isinstance(annotation.annotation_definition, Subtitle)
    timed = annotation.start_time is not None or annotation.end_time is not None
    framed = (
        annotation.frame_num is not None
        or annotation.end_frame_num is not None
        or annotation.is_video
        or annotation.later
        or annotation._away is not None
    )
    if not (timed or framed):
        return True
    now = _span_json(annotation)
    if record is not None:
        old, fields = _span_json(record.before), (annotation, record.before)
        now = {
            key: value
            for key, value in now.items()
            if value != old[key]
            or (key == "startTime" and fields[0].start_time != fields[1].start_time)
            or (key == "endTime" and fields[0].end_time != fields[1].end_time)
        }
    system.update(now)
    if subtitle or not framed:
        return True
    states, whole = shown_states(annotation, room)
    computed = not any(refused is annotation for refused in room.refused)
    if record is None:
        system["snapshots_"] = write_snapshots(states, whole=whole, limits=limits)
        return computed
    raw = snapshots_by_frame(system.get("snapshots_"), annotation.fps)
    item = annotation.item
    size = item.shape if item else None
    made = write_snapshots(states, raw, own, whole=whole, shape=size, limits=limits)
    if made != [raw[frame] for frame in sorted(raw)]:
        system["snapshots_"] = made
    return computed


def _span_json(annotation: Annotation) -> dict[str, Any]:
    """Return frames and times under the platform's keys."""
    start, end = annotation.start_frame, annotation.end_frame
    first, last = annotation.start_time, annotation.end_time
    return {
        "frame": start,
        "endFrame": end,
        "startTime": annotation._time_of(start) if first is None else _seconds(first),
        "endTime": annotation._time_of(end) if last is None else _seconds(last),
    }


def _seconds(value: Any) -> float | int:
    return value if isinstance(value, int) and not isinstance(value, bool) else float(value)


def _edited(
    annotation: Annotation, record: Record, color: Any, limits: Limits, room: Room
) -> dict[str, Any]:
    """Return the raw record with what was changed since it was read."""
    before, raw = record.before, record.raw
    result = dict(raw)
    metadata, system, user = _metadata_of(annotation, record)
    now, then = annotation.states[0], before.states[0]
    shape, old = now.annotation_definition, then.annotation_definition
    if type(shape) is not type(old) or shape.type != old.type or not shape._same_geometry(old):
        new = encode(shape, color)
        same = shape.type == old.type and shape.type == raw["type"]
        result["coordinates"] = merged(raw.get("coordinates"), new, shape.type) if same else new
        result["type"] = shape.type
        if shape.type == "class":
            result.pop("coordinates")
    if shape.label != old.label:
        result["label"] = shape.label
        inside = result.get("coordinates")
        if shape.type == "text_mark" and isinstance(inside, dict) and "label" in inside:
            # Marks of texts have it twice.
            result["coordinates"] = {**inside, "label": shape.label}
    if shape.attributes != old.attributes:
        _write_attributes(result, system, annotation, shape.attributes)
        if not isinstance(shape.attributes, list) and not isinstance(old.attributes, list):
            # Those of version 1 were not edited.
            result.pop("attributes")
            result.update({key: raw[key] for key in ("attributes",) if key in raw})
    if shape.description != old.description:
        result["description"] = shape.description
    if annotation.id != before.id:
        result[next((key for key in IDS if key in raw), "id")] = annotation.id
    for field, key in PLAIN.items():
        if getattr(annotation, field) != getattr(before, field):
            result[key] = getattr(annotation, field)
    for field, key in SYSTEM.items():
        value = getattr(annotation, field)
        if value != getattr(before, field):
            system[key] = _status(value) if field == "status" else value
    was = computed = _computed(raw)
    if _span_changed(annotation, before, raw):
        own = _own_definition(result, annotation, system)
        computed = _write_span(system, annotation, record, limits, room, own)
    for key in {*annotation.extra, *before.extra} - {"attributes"}:
        if key not in annotation.extra:
            result.pop(key, None)
        elif key in raw or key in FOREIGN:
            result[key] = annotation.extra[key]
    if annotation.score != before.score:
        if annotation.score is None:
            user.pop("model", None)
        else:
            holder: dict[str, Any] = {"user": user}
            _write_model(holder, annotation)
            user = holder["user"]
    exclude = frozenset({*raw, *FOREIGN})
    hints = write_hints(annotation, exclude=exclude, computed=computed)
    if hints != write_hints(before, exclude=exclude, computed=was):
        user.pop("dlgeom", None)
        if hints:
            user["dlgeom"] = hints
    if system or "system" in metadata:
        metadata["system"] = system
    if user or "user" in metadata:
        metadata["user"] = user
    if metadata or "metadata" in raw:
        result["metadata"] = metadata or raw.get("metadata")
    return result


def _computed(raw: Mapping[str, Any]) -> bool:
    """Whether snapshots that were read have what lies between key frames too."""
    found: Any = raw
    for key in ("metadata", "user", "dlgeom", "track"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return not (isinstance(found, Mapping) and found.get("computed") is False)


def _metadata_of(
    annotation: Annotation, record: Record
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return metadata, its system and user: what was read, with what the user changed."""
    old = record.raw.get("metadata") or {}
    system, user = dict(old.get("system") or {}), old.get("user")
    if annotation.metadata == record.before.metadata:
        return dict(old), system, dict(user) if isinstance(user, Mapping) else {}
    now = annotation.metadata or {}
    fields = {key: value for key, value in system.items() if key in OWNED_SYSTEM}
    fresh = dict(now.get("user") or {})
    if isinstance(user, Mapping):
        for key in ("dlgeom", "model"):
            kept = key == "dlgeom" or annotation.score is not None
            if key in user and key not in fresh and kept:
                fresh[key] = user[key]
    return dict(now), {**fields, **(now.get("system") or {})}, fresh


def _span_changed(annotation: Annotation, before: Annotation, raw: Mapping[str, Any]) -> bool:
    """Whether frames, times or states differ; the first state stands elsewhere too."""
    now, then = annotation.states, before.states
    if _span_of(annotation) != _span_of(before) or now[1:] != then[1:]:
        return True
    first, old = now[0], then[0]
    if (first.fixed, first.object_visible) != (old.fixed, old.object_visible):
        return True
    # Snapshots that do not say all have the rest from the state before.
    snapshots = ((raw.get("metadata") or {}).get("system") or {}).get("snapshots_")
    return bool(snapshots) and first != old and annotation.is_video


def _own_definition(
    result: Mapping[str, Any], annotation: Annotation, system: Mapping[str, Any]
) -> Definition | None:
    """Return what an annotation says outside of its snapshots, where one is at its first frame."""
    first = annotation.start_frame
    if first not in snapshots_by_frame(system.get("snapshots_"), annotation.fps):
        return None
    bare = {key: system[key] for key in ("attributes", "description") if key in system}
    whole = {**result, "metadata": {"system": bare}}
    return read_annotation(whole, annotation.item, is_video=False).annotation_definition


def _span_of(annotation: Annotation) -> tuple[Any, ...]:
    return (
        annotation.frame_num,
        annotation.end_frame_num,
        annotation.start_time,
        annotation.end_time,
        annotation.interpolation,
    )
