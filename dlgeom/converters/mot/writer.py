"""Writing MOTChallenge: ``<sequence>/gt/gt.txt`` with its ``seqinfo.ini``, or one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.conversions import to_box
from dlgeom.converters.base import WriteContext
from dlgeom.converters.items import ItemLosses, ItemWriter, fields_of
from dlgeom.converters.mot.options import CLASSES
from dlgeom.converters.mot.write_codes import CODES
from dlgeom.converters.names import Claims, output_name, safe_name
from dlgeom.definitions import Box, Definition
from dlgeom.errors import GeometryError, UsageError
from dlgeom.item import Item

__all__ = ["MotWriter"]

_KEPT = frozenset(
    {
        "object_id",
        "frame_num",
        "end_frame_num",
        "start_time",
        "end_time",
        "frames",
        "fixed",
        "object_visible",
        "attributes.ignored",
        "attributes.visibility",
        "attributes.world",
        "attributes.score",
    }
)


class MotWriter(ItemWriter):
    """Writes the rows of each sequence, object by object, in the order of frames.

    Nothing is kept for a frame: a track of hours is written as it is walked through.
    """

    codes = CODES
    item_fields = frozenset({"fps", "frame_count", "imDir", "imExt"})

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        options = context.options
        kind = str(options["mot_kind"])
        self._kind = "gt" if kind == "auto" else kind
        self._origin = int(options["mot_origin"])
        self._label = str(options["mot_label"])
        self._claims = Claims()
        self._numbers = {name: k for k, name in enumerate(CLASSES, 1)}
        self._single = False

    def write_item(
        self, item: Item, annotations: AnnotationCollection, losses: ItemLosses, where: str
    ) -> None:
        """Write the files of a sequence."""
        output = self.context.output
        name = self._name(item)
        if output.single:
            if self._single:
                raise UsageError(
                    f"{output.name}: is one file, but the source has more than one video; each "
                    "has files of its own. Name a folder as target, with --to mot"
                )
            self._single = True
            place = output.name
        else:
            inside = {"gt": "gt/gt.txt", "det": "det/det.txt", "results": ""}[self._kind]
            place = f"{name}/{inside}" if inside else f"{name}.txt"
        things = _things(annotations, losses)
        last = 0
        with output.file(place) as file:
            for position, annotation in enumerate(annotations):
                count = 0
                for frame, row in self._rows(position, annotation, things[position], losses):
                    file.write(row.encode("ascii"))
                    last = max(last, frame + 1)
                    count += 1
                if count:
                    self._count(annotation, losses)
        if not output.single and self._kind != "results":
            output.write(f"{name}/seqinfo.ini", _seqinfo(item, name, last))
            used = [k for k in self._numbers.values() if k > len(CLASSES)]
            if used and self._kind == "gt":
                names = sorted(self._numbers, key=lambda label: self._numbers[label])
                output.write(f"{name}/gt/labels.txt", ("\n".join(names) + "\n").encode())

    def _name(self, item: Item) -> str:
        name = item.name or f"sequence-{max(item.number, 0) + 1}"
        clean = output_name(safe_name(name, limits=self.context.limits)[0])
        given, taken = self._claims.claim(clean)
        if taken:
            self.context.problems.warning(
                "path.collision",
                f"{name!r} would share its folder with another video; it is {given!r}",
            )
        return given

    def _rows(
        self, position: int, annotation: Annotation, thing: int, losses: ItemLosses
    ) -> Iterator[tuple[int, str]]:
        """Yield the rows of an annotation, a frame at a time, and say what it costs."""
        fault = self._fault(annotation)
        if fault:
            losses.drop(position, fault)
            return
        seen = False
        for frame, state in annotation.frames.items():
            if not state.object_visible:
                continue
            shape = state.annotation_definition
            box = _box(shape)
            if box is not shape:
                losses.approximate(position, "geometry.to_box")
            if box is not None:
                seen = True
                yield frame, self._row(frame, thing, box, annotation, shape)
        if not seen:
            losses.drop(position, "video.hidden")

    def _fault(self, annotation: Annotation) -> str:
        """Return why nothing of an annotation is written, "" if something is.

        Told by its states alone, before a row is written: what lies between two of them lies
        between their edges.
        """
        boxes = [_box(state.annotation_definition) for state in annotation.states]
        known = [box for box in boxes if box is not None]
        if not known:
            return "shape.no_box"
        limits = self.context.limits
        far = max(max(map(abs, box.bounds)) for box in known)
        if far + 1 > limits.coordinate or annotation.end_frame >= limits.frames:
            return "value.range"
        return ""

    def _row(
        self, frame: int, thing: int, box: Box, annotation: Annotation, shape: Definition
    ) -> str:
        found = shape.attributes
        attributes: dict[str, Any] = found if isinstance(found, dict) else {}
        numbers = (box.left + self._origin, box.top + self._origin, box.width, box.height)
        start = f"{frame + 1},{thing if self._kind != 'det' else -1}," + ",".join(
            map(_text, numbers)
        )
        if self._kind != "gt":
            score = attributes.get("score", annotation.score)
            return f"{start},{_text(score if _is_number(score) else -1)},-1,-1,-1\n"
        flag = 0 if attributes.get("ignored") is True else 1
        world = attributes.get("world")
        if isinstance(world, list | tuple) and len(world) == 3 and all(map(_is_number, world)):
            return f"{start},{flag},{','.join(map(_text, world))}\n"
        visibility = attributes.get("visibility", 1)
        number = self._number(shape.label)
        return f"{start},{flag},{number},{_text(visibility if _is_number(visibility) else 1)}\n"

    def _number(self, label: str | None) -> int:
        name = " ".join((self._label if label is None else label).split()) or self._label
        return self._numbers.setdefault(name, len(self._numbers) + 1)

    def _count(self, annotation: Annotation, losses: ItemLosses) -> None:
        """Count the fields that rows have no place for."""
        for name in fields_of(annotation):
            if name not in _KEPT and not (name == "score" and self._kind != "gt"):
                losses.fields[name] += 1
        if self._kind != "gt" and annotation.label not in (self._label, None):
            losses.fields["label"] += 1


def _things(annotations: AnnotationCollection, losses: ItemLosses) -> list[int]:
    """Return the id of each annotation's rows: its object id, else a free number from 1."""
    given = [
        int(one.object_id) if one.object_id is not None and int(one.object_id) > 0 else None
        for one in annotations
    ]
    used = {number for number in given if number is not None}
    found: list[int] = []
    free = 1
    for one, number in zip(annotations, given, strict=True):
        if number is None:
            while free in used:
                free += 1
            used.add(free)
            if one.object_id is not None:
                losses.fields["object_id"] += 1
        found.append(free if number is None else number)
    return found


def _box(shape: Definition) -> Box | None:
    """Return the box of a state, None if it has no place in the picture."""
    if isinstance(shape, Box) and not shape.is_rotated:
        return shape
    try:
        return to_box(shape)
    except GeometryError:
        return None


def _is_number(value: object) -> bool:
    import math

    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _text(value: Any) -> str:
    """Return the shortest decimal that reads back as the same number."""
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _seqinfo(item: Item, name: str, last: int) -> bytes:
    """Return the facts of a sequence; what nobody knows is left out."""
    fields = item.extra
    lines = ["[Sequence]", f"name={' '.join(name.split())}"]
    lines.append(f"imDir={_plain(fields.get('imDir'), 'img1')}")
    if item.fps:
        lines.append(f"frameRate={_text(item.fps)}")
    lines.append(f"seqLength={item.frame_count or max(last, 1)}")
    if item.width and item.height:
        lines += [f"imWidth={item.width}", f"imHeight={item.height}"]
    lines.append(f"imExt={_plain(fields.get('imExt'), '.jpg')}")
    return ("\n".join(lines) + "\n").encode()


def _plain(value: object, default: str) -> str:
    text = value if isinstance(value, str) else default
    return text if text.isprintable() and text.strip() == text and text else default
