"""Records of tracks, made frame by frame or taken from the source as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from dlgeom.annotation import Annotation
from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.converters.coco.read_json import edit
from dlgeom.converters.coco.write_ids import encode_json, is_plain
from dlgeom.converters.ytvis.shapes import Entry, entry_of
from dlgeom.converters.ytvis.tracks import RESERVED, Record
from dlgeom.limits import Limits

__all__ = ["Facts", "Made", "category_of", "groups_of", "lists_of", "made_record", "own_record"]


class Facts(NamedTuple):
    """What a record of a video has to say: size and number of frames, and its own ids."""

    width: int
    height: int
    length: int
    video_id: Any
    category_id: Any
    id: Any


class _Lists(msgspec.Struct):
    """How long the lists of a record are."""

    segmentations: list[msgspec.Raw] | None = None
    bboxes: list[msgspec.Raw] | None = None
    areas: list[msgspec.Raw] | None = None
    id: Any = None
    video_id: Any = None
    category_id: Any = None


_LISTS = msgspec.json.Decoder(_Lists)


def groups_of(annotations: Sequence[Annotation]) -> list[list[int]]:
    """Return the positions of the annotations that are one record, in their order.

    A thing that is a mask in one frame and a polygon in another is one annotation for each; they
    have the same object id and label, and no frame in common.
    """
    groups: dict[Any, list[int]] = {}
    for position, one in enumerate(annotations):
        key = (position,) if one.object_id is None else (one.object_id, one.label)
        groups.setdefault(key, []).append(position)
    found: list[list[int]] = []
    for group in groups.values():
        members = [annotations[k] for k in group]
        kinds = {one.type for one in members}
        apart = len(group) == 1 or (len(kinds) == len(group) and _apart(members))
        found += [group] if apart else [[k] for k in group]
    return sorted(found)


def _apart(annotations: Sequence[Annotation]) -> bool:
    """Whether no two annotations are seen in one frame."""
    spans = sorted(span for one in annotations for span in _spans(one))
    return all(left[1] < right[0] for left, right in pairwise(spans))


def _spans(annotation: Annotation) -> list[tuple[int, int]]:
    """Return first and last frame of each state that is seen."""
    states = annotation.states
    ends = [*(state.frame_num - 1 for state in states[1:]), annotation.end_frame]
    pairs = zip(states, ends, strict=True)
    return [(state.frame_num, end) for state, end in pairs if state.object_visible]


def own_record(annotations: Sequence[Annotation], facts: Facts, *, results: bool) -> bytes | None:
    """Return the source's record where nothing was changed since, with other ids where due."""
    records = [one.record for one in annotations]
    first = records[0]
    if not isinstance(first, Record) or first.parts != len(records) or first.results != results:
        return None
    for one, record in zip(annotations, records, strict=True):
        if not isinstance(record, Record) or record.raw != first.raw or one != record.before:
            return None
    lists = _LISTS.decode(first.raw)
    for values in (lists.segmentations, lists.bboxes, lists.areas):
        if values is not None and len(values) != facts.length:
            return None
    changes: dict[str, bytes | None] = {}
    due = {"video_id": facts.video_id, "category_id": facts.category_id}
    if not results and lists.id is not None:
        due["id"] = facts.id
    for key, value in due.items():
        if getattr(lists, key) != value:
            changes[key] = encode_json(value)
    return edit(first.raw, changes) if changes else first.raw


def category_of(annotation: Annotation) -> Any:
    """Return the category id of the source's record, None where there is none."""
    record = annotation.record
    return _LISTS.decode(record.raw).category_id if isinstance(record, Record) else None


class Made(NamedTuple):
    """A record that was made: its text, or None with the reason; and what it costs."""

    text: bytes | None
    code: str


def made_record(
    annotations: Sequence[Annotation], facts: Facts, limits: Limits, *, results: bool
) -> Made:
    """Return the record of one thing, walked through frame by frame.

    Parameters
    ----------
    annotations : sequence of Annotation
        One for each kind of geometry, never seen in the same frame.
    facts : Facts
        Of its video.
    """
    names = [] if results else lists_of(annotations)
    columns = {name: bytearray() for name in ("segmentations", "bboxes", "areas", *names)}
    done, code, missing = 0, "", ""
    seen = False
    last: tuple[Any, Entry | str] | None = None
    for state in _seen(annotations):
        shape = state.annotation_definition
        if last is None or last[0] is not shape:
            size = (facts.width, facts.height)
            last = (shape, entry_of(shape, size, limits, results=results))
        entry = last[1]
        if isinstance(entry, str):
            missing = missing or entry
            continue
        seen, code = True, code or entry.code
        gap = b"null," * (state.frame_num - done)
        done = state.frame_num + 1
        values = {"segmentations": entry.segmentation, "bboxes": entry.bbox, "areas": entry.area}
        attributes = shape.attributes if isinstance(shape.attributes, dict) else {}
        for name, column in columns.items():
            column += gap
            if name in values:
                column += values[name]
            else:
                column += encode_json(msgspec.to_builtins(attributes.get(name)))
            column += b","
    if not seen:
        return Made(None, missing or "video.hidden")
    for column in columns.values():
        column += b"null," * (facts.length - done)
        del column[-1:]
    if results:
        del columns["bboxes"], columns["areas"]
    pieces = [b"{", _head(annotations[0], facts, columns.keys(), results=results)]
    for name, column in columns.items():
        pieces += [b",", encode_json(name), b":[", bytes(column), b"]"]
    pieces.append(b"}")
    return Made(b"".join(pieces), code or missing)


def _seen(annotations: Sequence[Annotation]) -> Iterator[FrameAnnotation]:
    """Yield the visible states of annotations that share no frame, ascending by frame."""
    if len(annotations) == 1:
        yield from (s for s in annotations[0].frames.values() if s.object_visible)
        return
    spans = [(span, one) for one in annotations for span in _spans(one)]
    for (start, stop), one in sorted(spans, key=lambda entry: entry[0]):
        yield from (one.frames[frame] for frame in range(start, stop + 1))


def lists_of(annotations: Sequence[Annotation]) -> list[str]:
    """Return the attributes that become lists over frames: those that JSON can hold."""
    values: dict[str, bool] = {}
    for one in annotations:
        for state in one.states:
            attributes = state.attributes
            if not isinstance(attributes, dict):
                continue
            for name, value in attributes.items():
                fine = name not in RESERVED and name != "object_id" and name not in one.extra
                plain = is_plain(msgspec.to_builtins(value))
                values[name] = values.get(name, True) and fine and plain
    return [name for name, fine in values.items() if fine]


def _head(annotation: Annotation, facts: Facts, taken: Any, *, results: bool) -> bytes:
    """Return what a record says beside its lists, without braces."""
    record: dict[str, Any] = {} if results else {"id": facts.id}
    record |= {"video_id": facts.video_id, "category_id": facts.category_id}
    score = annotation.score
    if results:
        record["score"] = 1.0 if score is None else score
        return encode_json(record)[1:-1]
    record |= {"iscrowd": int(annotation.crowd), "height": facts.height, "width": facts.width}
    if score is not None:
        record["score"] = score
    if annotation.object_id is not None and annotation.object_id != str(facts.id):
        record["object_id"] = annotation.object_id
    for key, value in annotation.extra.items():
        if key not in record and key not in taken and key not in RESERVED and is_plain(value):
            record[key] = value
    return encode_json(record)[1:-1]
