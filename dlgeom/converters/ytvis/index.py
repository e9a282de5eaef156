"""The first pass over a file: its videos and categories, and where each track's record is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.read_categories import CATEGORIES, read_categories
from dlgeom.converters.coco.read_json import checked_json, checked_object, placed, strict_json
from dlgeom.converters.coco.read_source import SourceFile
from dlgeom.converters.coco.scan import Scanner, Window, record_spans
from dlgeom.errors import FormatError
from dlgeom.labels import Label

__all__ = ["FileIndex", "Place", "identity"]

_RECORD_LISTS = ("videos", "categories", "annotations")


class _Head(msgspec.Struct):
    """What ties a record to its video."""

    video_id: Any = None


_HEADS = msgspec.json.Decoder(list[_Head])


class Place(NamedTuple):
    """Where a record is in its file: position in the list, start and stop in bytes."""

    number: int
    start: int
    stop: int


class FileIndex:
    """What the first pass learns of one file.

    Parameters
    ----------
    path : Path
        The file, perhaps packed.
    shown : str
        Its name in messages.
    context : ReadContext
        Problems and limits.

    Attributes
    ----------
    results : bool
        Whether the root is a list of results.
    sections : dict of str to bytes
        Root keys in order; raw JSON of those that are no lists of records.
    videos : dict of id to dict
        Records of videos, in order; {} for results.
    labels : list of Label
        Its categories.
    places : dict of id to list of Place
        Records of tracks by the id of their video; those without a usable id under None.

    Raises
    ------
    FormatError
        If the file cannot be trusted.
    """

    def __init__(self, path: Path, shown: str, context: ReadContext) -> None:
        self.shown = shown
        self.context = context
        self.results = False
        self.videos: dict[int | str, dict[str, Any]] = {}
        self.labels: list[Label] = []
        self.places: dict[int | str | None, list[Place]] = {}
        self._number = 0
        self.source = SourceFile(path, shown, context.limits)
        if self.source.note:
            context.problems.notice(self.source.note, "is UTF-16; JSON files are UTF-8", path=shown)
        self._scanner = Scanner(self.source, context.limits)
        try:
            self._scan()
        except BaseException:
            self.source.close()
            raise
        self.sections = self._scanner.sections

    @property
    def unit(self) -> str:
        """How a record's place is told."""
        return "[{}]" if self.results else "annotations[{}]"

    def text(self, place: Place) -> bytes:
        """Return the text of a record."""
        return self.source.read(place.start, place.stop - place.start)

    def _scan(self) -> None:
        mark = self._scanner.first()
        if mark == b"{":
            self._object()
        elif mark == b"[":
            self.results = True
            self._records(self._scanner.windows(self._scanner.list_root(), _HEADS))
            self._scanner.finish_list()
        else:
            self._scanner.value(self._scanner.list_root())
            raise self._error("schema.root", "the root is no object and no list")

    def _error(self, code: str, why: str, location: str | None = None) -> FormatError:
        return FormatError(
            f"{why}; a YouTube-VIS file is one object with videos, categories and annotations, or "
            "a list of results. Is it another format?",
            code=code,
            path=self.shown,
            location=location,
        )

    def _object(self) -> None:
        scanner = self._scanner
        for key, place in scanner.keys():  # noqa: SIM118 - no mapping
            listed = scanner.source.read(place, 1) == b"["
            if key in _RECORD_LISTS and not listed:
                raise self._error("schema.type", f"{key} is no list", key)
            if key == "videos":
                self._read_videos(scanner.windows(place, CATEGORIES))
            elif key == "categories":
                windows = scanner.windows(place, CATEGORIES)
                self.labels = read_categories(scanner, windows, self.context)
            elif key == "annotations":
                self._records(scanner.windows(place, _HEADS))
            else:
                raw, stop = scanner.value(place)
                try:
                    checked_json(raw, self.context.limits.depth)
                except FormatError as error:
                    raise placed(error, self.shown, key) from error
                scanner.sections[key] = raw
                scanner.done(stop)
        if "videos" not in scanner.sections:
            raise self._error("schema.field", "has no list of videos")

    def _spans(self, window: Window) -> list[tuple[int, int]]:
        if window.spans is not None:
            return window.spans
        return record_spans(window.text, len(window.rows or ()), self.context.limits.depth)

    def _records(self, windows: Iterator[Window]) -> None:
        for window in windows:
            for k, (start, stop) in enumerate(self._spans(window)):
                if window.rows is not None:
                    key = identity(window.rows[k].video_id)
                else:
                    key = _video_of(window.text[start:stop])
                place = Place(self._number, window.start + start, window.start + stop)
                self.places.setdefault(key, []).append(place)
                self._number += 1

    def _read_videos(self, windows: Iterator[Window]) -> None:
        number = -1
        for window in windows:
            for start, stop in self._spans(window):
                number += 1
                self._video(window.text[start:stop], f"videos[{number}]")

    def _video(self, raw: bytes, where: str) -> None:
        try:
            record = checked_object(raw, "a video", self.context.limits.depth)
        except FormatError as error:
            raise placed(error, self.shown, where) from error
        key = identity(record.get("id"))
        if key is None:
            code = "schema.field" if record.get("id") is None else "type.id"
            raise FormatError(
                "has no usable id; ids are integers or text. Correct it",
                code=code,
                path=self.shown,
                location=f"{where}.id",
            )
        if key in self.videos:
            if self.videos[key] != record:
                raise FormatError(
                    f"video id {key!r} occurs before with another record. Give each video its own",
                    code="ref.duplicate_id",
                    path=self.shown,
                    location=f"{where}.id",
                )
            self.context.problems.notice(
                "record.duplicate",
                f"video {key!r} is repeated; it is read once",
                path=self.shown,
                location=where,
            )
        self.videos.setdefault(key, record)


def identity(value: object) -> int | str | None:
    """Return an id as it is compared: 64.0 is 64; None where it is none."""
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if type(value) is int or type(value) is str:
        return value
    return None


def _video_of(raw: bytes) -> int | str | None:
    try:
        record = strict_json(raw)
    except FormatError:
        return None
    return identity(record.get("video_id")) if isinstance(record, dict) else None
