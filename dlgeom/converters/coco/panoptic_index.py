"""The first pass over a panoptic JSON: where its images lie, and its categories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.panoptic_json import identifier, whole_number
from dlgeom.converters.coco.read_categories import CATEGORIES, read_categories
from dlgeom.converters.coco.read_json import checked_json, checked_object, placed
from dlgeom.converters.coco.read_source import SourceFile
from dlgeom.converters.coco.scan import Scanner, record_spans
from dlgeom.converters.names import safe_name
from dlgeom.errors import FormatError
from dlgeom.labels import Label, LabelTable

__all__ = ["ImagePlace", "Indexer", "PanopticFile", "records_of"]

_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


class ImagePlace(msgspec.Struct, gc=False):
    """Where the record of an image lies."""

    number: int
    start: int
    size: int


class PanopticFile(msgspec.Struct):
    """One panoptic JSON."""

    path: Path
    shown: str
    subset: str | None
    sections: dict[str, bytes]
    images: dict[int | str, ImagePlace]
    annotations: int | None
    categories: dict[int | str, int]
    labels: list[tuple[int, Label]]


class Indexer:
    """Walks files; numbers of images and categories go on from file to file.

    Parameters
    ----------
    context : ReadContext
        What the run gives.
    labels : LabelTable
        Gets the categories.
    """

    def __init__(self, context: ReadContext, labels: LabelTable) -> None:
        self._context = context
        self._labels = labels
        self._numbers = 0
        self._label_of: dict[int | str, int] = {}

    def index(self, path: Path, shown: str, subset: str | None) -> PanopticFile:
        """Walk one file; raises `FormatError` for one that cannot be trusted."""
        context = self._context
        if path.is_file() and not path.stat().st_size:
            raise FormatError(
                "has 0 bytes; there is nothing to read. Was it written completely?",
                code="file.empty",
                path=shown,
            )
        source = SourceFile(path, shown, context.limits)
        try:
            if source.note:
                context.problems.notice(source.note, "is not UTF-8; it was decoded", path=shown)
            scanner = Scanner(source, context.limits)
            if scanner.first() != b"{":
                raise FormatError(
                    "holds no object; a COCO file is an object with images, annotations and "
                    "categories. Is it the right file?",
                    code="schema.root",
                    path=shown,
                )
            file = PanopticFile(path, shown, subset, scanner.sections, {}, None, {}, [])
            for key, place in scanner.keys():  # noqa: SIM118
                self._section(scanner, file, key, place)
        finally:
            source.close()
        for key in ("images", "annotations", "categories"):
            if key not in file.sections:
                raise FormatError(
                    f"has no {key!r}; panoptic files have images, annotations and categories. "
                    "Add it",
                    code="schema.field",
                    path=shown,
                )
        return file

    def _section(self, scanner: Scanner, file: PanopticFile, key: str, place: int) -> None:
        if key not in ("images", "annotations", "categories"):
            raw, stop = scanner.value(place)
            try:
                checked_json(raw, self._context.limits.depth)
            except FormatError as error:
                raise placed(error, file.shown, key) from error
            scanner.sections[key] = raw
            scanner.done(stop)
            return
        if scanner.source.read(place, 1) != b"[":
            raise FormatError(
                f"{key!r} is no list; it is a list of records. Correct it",
                code="schema.type",
                path=file.shown,
                location=key,
            )
        if key == "annotations":
            file.annotations = place
            for _ in scanner.windows(place, _RAWS):
                pass
            return
        if key == "categories":
            labels = read_categories(scanner, scanner.windows(place, CATEGORIES), self._context)
            for label in labels:
                self._add_label(file, label)
            return
        records = records_of(scanner, place, self._context.limits.depth)
        for number, (start, raw) in enumerate(records):
            location = f"images[{number}]"
            try:
                self._add_image(file, start, raw, location)
            except FormatError as error:
                raise placed(error, file.shown, location) from error

    def _add_label(self, file: PanopticFile, label: Label) -> None:
        assert label.id is not None
        shared = self._label_of.get(label.id)
        if shared is None or self._labels[shared].name != label.name:
            shared = self._labels.add(label)
            self._label_of[label.id] = shared
        file.categories[label.id] = shared
        file.labels.append((shared, label))

    def _add_image(self, file: PanopticFile, start: int, raw: bytes, location: str) -> None:
        depth = self._context.limits.depth
        record = checked_object(raw, "an image", depth)
        number = identifier(record.get("id"))
        if number is None:
            raise FormatError(
                f"id is {record.get('id')!r}; ids are integers or text", code="type.id"
            )
        problems = self._context.problems
        if number in file.images:
            known = file.images[number]
            source = SourceFile(file.path, file.shown, self._context.limits)
            before = source.read(known.start, known.size)
            source.close()
            if checked_object(before, "an image", depth) != record:
                raise FormatError(
                    f"image id {number!r} is there twice with differing records; ids are "
                    "unique. Give one of them another id",
                    code="ref.duplicate_id",
                )
            problems.notice(
                "record.duplicate", "the image is there twice", path=file.shown, location=location
            )
            return
        name = record.get("file_name")
        if not isinstance(name, str):
            raise FormatError(f"file_name is {name!r}; names are text", code="type.text")
        _, note = safe_name(name, limits=self._context.limits)
        if note:
            problems.warning(
                note, f"file_name {name[:80]!r} is not a plain relative path",
                path=file.shown, location=location,
            )  # fmt: skip
        for key in ("width", "height"):
            value = whole_number(record.get(key))
            if value is None:
                problems.repaired(
                    "type.number", f"{key} is {record.get(key)!r}; it is taken from the PNG",
                    path=file.shown, location=location,
                )  # fmt: skip
            elif value <= 0:
                raise FormatError(f"{key} is {value}; sizes are at least 1", code="image.size")
        file.images[number] = ImagePlace(self._numbers, start, len(raw))
        self._numbers += 1


def records_of(scanner: Scanner, place: int, depth: int) -> Iterator[tuple[int, bytes]]:
    """Yield (place in the file, text) of each record of a list."""
    for window in scanner.windows(place, _RAWS):
        spans = window.spans
        if spans is None:
            spans = record_spans(window.text, len(window.rows or ()), depth)
        for start, stop in spans:
            yield window.start + start, window.text[start:stop]
