"""One record of a file: a track over the frames of its video, as annotations."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from dlgeom.annotation import Annotation
from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.converters.coco.read_json import checked_object
from dlgeom.converters.coco.read_shapes import FaultError, number_fault, read_mask, read_outline
from dlgeom.converters.ytvis.index import identity
from dlgeom.definitions import Box, Polygon, Segmentation
from dlgeom.definitions.base import Definition
from dlgeom.errors import FormatError
from dlgeom.geometry import rle
from dlgeom.limits import Limits

__all__ = ["RESERVED", "Record", "TrackReader", "Video"]

LISTS = ("segmentations", "bboxes", "areas")
RESERVED = frozenset(
    {*LISTS, "id", "video_id", "category_id", "iscrowd", "height", "width", "length", "score"}
)
"""Keys of a record that mean something here; others stay with the annotation."""

Tell = Callable[[str, str, str], None]
"""Told (status of `Problems`, code, sentence) of what is doubtful."""


class Record(msgspec.Struct, eq=False):
    """The file's own record of a track.

    Parameters
    ----------
    raw : bytes
        Its text.
    before : Annotation
        What reading it gave.
    parts : int
        How many annotations it became, each with `raw`: one for each kind of geometry.
    number : int
        Position in the list of its file, which tells records of one file apart.
    results : bool
        Whether it is a result, which has no id.
    """

    raw: bytes
    before: Annotation
    parts: int
    number: int
    results: bool = False


class Video(msgspec.Struct, frozen=True):
    """What a track has to fit to: width, height and frames, None where nobody tells."""

    width: int | None
    height: int | None
    length: int | None


class TrackReader:
    """Reads records.

    Parameters
    ----------
    limits : Limits
        `frames`, `coordinate`, and those of masks and polygons.
    results : bool
        Whether they are results.
    """

    def __init__(self, limits: Limits, *, results: bool) -> None:
        self._limits = limits
        self._results = results

    def read(
        self, raw: bytes, number: int, video: Video, label_of: Callable[[Any], str], tell: Tell
    ) -> list[Annotation]:
        """Return the annotations of a record, one for each kind of geometry.

        Parameters
        ----------
        raw : bytes
            The record.
        number : int
            Its position in the file.
        video : Video
            What it belongs to.
        label_of : callable
            Gives the label of a category id, or raises `FormatError`.
        tell : callable
            Told of frames that are left out.

        Raises
        ------
        FormatError
            If nothing of it can be used.
        """
        record = checked_object(raw, "a record", self._limits.depth)
        label = label_of(record.get("category_id"))
        identifier = identity(record.get("id"))
        own = identifier is not None or record.get("id") is None
        if not own:
            shown = json.dumps(record["id"])[:40]
            tell(
                "repaired", "type.id", f"id is {shown}; ids are integers or text. It has none then"
            )
            record["id"] = None
        columns = self._columns(record, video)
        count = max(map(len, columns.values()))
        attributes = {
            key: value
            for key, value in record.items()
            if key not in RESERVED and isinstance(value, list) and len(value) == count
        }
        kinds: dict[type[Definition], dict[int, Definition]] = {}
        faults: list[FaultError] = []
        for frame in range(count):
            try:
                shape = self._shape(record, columns, frame, label, video, tell)
            except FaultError as fault:
                faults.append(fault)
                # The first few tell what is wrong with the others.
                if len(faults) <= 3:
                    tell("repaired", fault.code, f"frame {frame}: {fault}; it is left out")
                continue
            if shape is not None:
                said = {k: v[frame] for k, v in attributes.items() if v[frame] is not None}
                shape = shape.replace(attributes=said) if said else shape
                kinds.setdefault(type(shape), {})[frame] = shape
        if len(faults) > 3:
            tell("repaired", faults[3].code, f"{len(faults) - 3} more frames are left out")
        if not kinds:
            raise FormatError(
                "is in no frame; all entries are null or cannot be read. Remove it",
                code=faults[0].code if faults else "video.frames",
            )
        made = self._annotations(record, number, kinds, set(attributes))
        for annotation in made if own else ():
            before = annotation.copy()
            annotation.record = Record(raw, before, len(made), number, self._results)
        return made

    def _columns(self, record: dict[str, Any], video: Video) -> dict[str, list[Any]]:
        """Return the lists over frames, all of one length, that of the video."""
        found: dict[str, list[Any]] = {}
        for key in LISTS:
            value = record.get(key)
            if value is None:
                continue
            if not isinstance(value, list):
                raise FormatError(f"{key} is no list over frames. Correct it", code="schema.type")
            found[key] = value
        if "segmentations" not in found and "bboxes" not in found:
            raise FormatError(
                "has neither segmentations nor bboxes. Add them", code="schema.field"
            )  # fmt: skip
        lengths = {key: len(value) for key, value in found.items()}
        due = video.length if video.length is not None else next(iter(lengths.values()))
        for key, length in lengths.items():
            if length != due:
                raise FormatError(
                    f"{key} has {length} entries and the video {due} frames; there is one for each "
                    "frame, null where the thing is not seen. Correct it",
                    code="video.frames",
                )
        if due > self._limits.frames:
            raise FormatError(
                f"has {due} frames; the limit frames is {self._limits.frames}. "
                "Raise it with --limit frames=N",
                code="limit.frames",
            )
        return found

    def _shape(
        self,
        record: dict[str, Any],
        columns: dict[str, list[Any]],
        frame: int,
        label: str,
        video: Video,
        tell: Tell,
    ) -> Definition | None:
        outline = columns["segmentations"][frame] if "segmentations" in columns else None
        box = columns["bboxes"][frame] if "bboxes" in columns else None
        if isinstance(outline, dict):
            return self._mask(outline, label, video)
        if outline is not None and outline != []:
            found = read_outline(outline, self._limits)
            for fault in found.faults:
                tell("repaired", fault.code, f"frame {frame}: {fault}")
            return Polygon.from_parts([[ring] for ring in found.rings], label)
        return None if box is None else self._box(box, label)

    def _mask(self, value: dict[str, Any], label: str, video: Video) -> Segmentation:
        runs, shape = read_mask(value, self._limits)
        if video.height is not None and shape != (video.height, video.width):
            raise FaultError(
                "image.size_disagrees",
                f"mask of {shape[1]} x {shape[0]} in a video of {video.width} x {video.height}",
            )
        return Segmentation._of_counts(rle.normalise(runs), shape, label)

    def _box(self, value: Any, label: str) -> Box:
        if not isinstance(value, list) or len(value) != 4:
            raise FaultError("geometry.bbox_arity", "bbox is no list x, y, width, height")
        for entry in value:
            if fault := number_fault(entry, "a number of the bbox"):
                raise fault
        x, y, w, h = map(float, value)
        if w < 0 or h < 0:
            raise FaultError("geometry.bbox_size", f"bbox has the size {w:g} x {h:g}")
        if max(abs(x), abs(y), abs(x + w), abs(y + h)) > self._limits.coordinate:
            raise FaultError("number.range", "bbox reaches beyond the limit coordinate")
        return Box(x, y, x + w, y + h, label)

    def _annotations(
        self,
        record: dict[str, Any],
        number: int,
        kinds: dict[type[Definition], dict[int, Definition]],
        lists: set[str],
    ) -> list[Annotation]:
        thing = record.get("object_id", record.get("id"))
        score = record.get("score")
        if score is not None and (fault := number_fault(score, "score")):
            raise FormatError(str(fault), code=fault.code)
        skipped = {*RESERVED, *lists, "object_id"}
        made: list[Annotation] = []
        for states in kinds.values():
            annotation = _track(states)
            # An id is that of one annotation; those of the same thing have its object id.
            annotation.id = None if self._results or made else record.get("id")
            known = type(thing) is int or (isinstance(thing, str) and thing.isdigit())
            annotation.object_id = str(thing) if known else str(number + 1)
            annotation.crowd = record.get("iscrowd") in (1, True)
            annotation.score = None if score is None else float(score)
            annotation.extra = {k: v for k, v in record.items() if k not in skipped}
            made.append(annotation)
        return made


def _track(found: dict[int, Definition]) -> Annotation:
    """Return one annotation with a state in each frame, hidden where there is none."""
    states: list[FrameAnnotation] = []
    for frame, shape in found.items():
        if states and frame > states[-1].frame_num + 1:
            gone = states[-1]
            states.append(
                FrameAnnotation(gone.annotation_definition, gone.frame_num + 1, False, False)
            )
        states.append(FrameAnnotation(shape, frame))
    annotation = Annotation(states[0].annotation_definition)
    annotation.frame_num, annotation.later = states[0].frame_num, tuple(states[1:])
    annotation.end_frame_num = states[-1].frame_num
    annotation.interpolation = "linear" if annotation.later else "hold"
    return annotation
