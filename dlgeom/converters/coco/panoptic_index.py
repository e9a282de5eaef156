"""The first pass over a panoptic JSON: where its images lie, and its categories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.panoptic_json import checked_label, checked_object, whole_number
from dlgeom.converters.coco.read_source import SourceFile
from dlgeom.converters.coco.scan import Scanner, record_spans
from dlgeom.converters.names import safe_name
from dlgeom.errors import FormatError, LimitError
from dlgeom.labels import LabelTable

__all__ = ["ImagePlace", "Indexer", "PanopticFile", "files_of", "is_panoptic", "records_of"]

_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_FIRST = re.compile(rb'"annotations"\s*:\s*\[\s*\{')


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
    images: dict[int, ImagePlace]
    annotations: int | None
    categories: dict[int, int]


def is_panoptic(head: bytes) -> bool:
    """Whether the start of a JSON file shows that it is a panoptic one.

    Parameters
    ----------
    head : bytes
        Should reach into the first record of ``annotations``.
    """
    found = _FIRST.search(head)
    if found:
        record = head[found.end() : found.end() + (64 << 10)]
        place = record.find(b'"segments_info"')
        others = [record.find(key) for key in (b'"bbox"', b'"segmentation"', b'"caption"')]
        before = min((other for other in others if other >= 0), default=len(record))
        return place >= 0 and (place < before or b"file_name" in record[:before])
    return b'"segments_info"' in head


def _subset_of(path: Path) -> str | None:
    stem = path.name.removesuffix(".gz").removesuffix(".json")
    found = re.fullmatch(r"panoptic[_-](.+)", stem, re.IGNORECASE)
    return found.group(1) if found else None


def files_of(path: Path, subsets: tuple[str, ...]) -> list[tuple[Path, str, str | None]]:
    """Return path, name for messages and split of each panoptic JSON of a source."""
    if not path.is_dir():
        return [(path, path.name, _subset_of(path))]
    folder = path / "annotations" if (path / "annotations").is_dir() else path
    found: list[tuple[Path, str, str | None]] = []
    for entry in sorted(folder.iterdir()):
        subset = _subset_of(entry)
        if subset is None or not entry.name.endswith((".json", ".json.gz")):
            continue
        if not subsets or subset in subsets:
            found.append((entry, str(entry.relative_to(path)), subset))
    if not found:
        raise FormatError(
            "holds no panoptic_<split>.json; panoptic data have one for each split. "
            "Name the file itself",
            code="schema.root",
            path=str(path),
        )
    return found


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
        self._label_of: dict[int, int] = {}

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
            file = PanopticFile(path, shown, subset, scanner.sections, {}, None, {})
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
            checked = raw if raw[:1] == b"{" else b'{"":' + raw + b"}"
            try:
                checked_object(checked, "it")
            except FormatError as error:
                raise _placed(error, file.shown, key) from error
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
        records = records_of(scanner, place, self._context.limits.depth)
        for number, (start, raw) in enumerate(records):
            location = f"{key}[{number}]"
            try:
                if key == "images":
                    self._add_image(file, start, raw, location)
                else:
                    self._add_label(file, raw, location)
            except FormatError as error:
                raise _placed(error, file.shown, location) from error

    def _add_label(self, file: PanopticFile, raw: bytes, location: str) -> None:
        label = checked_label(raw, self._context.limits.text)
        known = file.categories.get(label.id)  # type: ignore[arg-type]
        if known is not None:
            if msgspec.json.decode(self._labels[known].record) != msgspec.json.decode(raw):
                raise FormatError(
                    f"category id {label.id} is there twice with differing records; ids are "
                    "unique. Give one of them another id",
                    code="ref.duplicate_id",
                )
            self._context.problems.notice(
                "record.duplicate", "the category is there twice", path=file.shown,
                location=location,
            )  # fmt: skip
            return
        shared = self._label_of.get(label.id)  # type: ignore[arg-type]
        if shared is None or self._labels[shared].name != label.name:
            shared = self._labels.add(label)
            self._label_of[label.id] = shared  # type: ignore[index]
        file.categories[label.id] = shared  # type: ignore[index]

    def _add_image(self, file: PanopticFile, start: int, raw: bytes, location: str) -> None:
        record = checked_object(raw, "an image")
        identifier = whole_number(record.get("id"))
        if identifier is None:
            raise FormatError(f"id is {record.get('id')!r}; ids are integers", code="type.id")
        problems = self._context.problems
        if identifier in file.images:
            known = file.images[identifier]
            source = SourceFile(file.path, file.shown, self._context.limits)
            before = source.read(known.start, known.size)
            source.close()
            if checked_object(before, "an image") != record:
                raise FormatError(
                    f"image id {identifier} is there twice with differing records; ids are "
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
        file.images[identifier] = ImagePlace(self._numbers, start, len(raw))
        self._numbers += 1


def records_of(scanner: Scanner, place: int, depth: int) -> Iterator[tuple[int, bytes]]:
    """Yield (place in the file, text) of each record of a list."""
    for window in scanner.windows(place, _RAWS):
        spans = window.spans
        if spans is None:
            spans = record_spans(window.text, len(window.rows or ()), depth)
        for start, stop in spans:
            yield window.start + start, window.text[start:stop]


def _placed(error: FormatError, path: str, location: str) -> FormatError:
    """Return the error with its place in the file."""
    kind = LimitError if error.code.startswith("limit.") else FormatError
    return kind(error.message, code=error.code, path=path, location=error.location or location)
