"""Reading YouTube-VIS: a file, or a folder with one for each split."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlgeom.annotation import Annotation
from dlgeom.converters.base import Meta, ReadContext
from dlgeom.converters.frames import frame_name
from dlgeom.converters.inputs import check_inside
from dlgeom.converters.items import ItemReader, ItemRecord
from dlgeom.converters.names import safe_name
from dlgeom.converters.packed import bare_name
from dlgeom.converters.problems import Problems
from dlgeom.converters.ytvis.index import FileIndex, Place, identity
from dlgeom.converters.ytvis.recognise import files_of, looks_native
from dlgeom.converters.ytvis.tracks import TrackReader, Video
from dlgeom.errors import FormatError, UsageError
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable

__all__ = ["YtvisReader"]

_OF_VIDEO = frozenset({"id", "width", "height", "length"})


class YtvisReader(ItemReader):
    """A YouTube-VIS source; see `dlgeom.converters.base.Reader`.

    Each video is an item, each record an annotation over its frames, hidden where its lists have
    null. Records are looked up and decoded video by video.
    """

    def __init__(self, path: Path, context: ReadContext) -> None:
        super().__init__(Meta(format="ytvis", labels=LabelTable()), context)
        self._files: list[FileIndex] = []
        self._subsets: list[str | None] = []
        paths = _chosen(path, context)
        for file in paths:
            shown = file.name if file == path else file.relative_to(path).as_posix()
            try:
                check_inside(file, path if path.is_dir() else file.parent, shown)
                index = FileIndex(file, shown, context)
            except FormatError as error:
                if len(paths) == 1:
                    raise
                context.problems.file(error)
                continue
            self._files.append(index)
            self._subsets.append(None if len(paths) == 1 else _stem(file))
        if not self._files:
            raise FormatError(
                "has no file that can be read", code="schema.root", path=path.name
            )  # fmt: skip
        self._truth()
        self._labels = [self._add(index) for index in self._files]
        self.unit = self._files[0].unit
        self.meta.subsets = [subset for subset in self._subsets if subset]
        self.meta.sections = dict(self._files[0].sections)
        self.meta.extra["ytvis_results"] = all(index.results for index in self._files)

    def _truth(self) -> None:
        """Give videos and categories to results, from the file that has them."""
        path = self.context.ground_truth
        if path is None:
            return
        quiet = ReadContext(problems=Problems(strict=False), limits=self.context.limits)
        truth = FileIndex(path, path.name, quiet)
        truth.source.close()
        if truth.results:
            raise FormatError(
                "has no list of videos; --ground-truth is a file with videos and categories",
                code="schema.field",
                path=path.name,
            )
        for index in self._files:
            if index.results:
                index.videos, index.labels = truth.videos, truth.labels

    def _add(self, index: FileIndex) -> dict[int | str, str]:
        """Add the categories of a file to the labels; return id -> name."""
        names: dict[int | str, str] = {}
        known = list(self.meta.labels)
        for label in index.labels:
            if label.id not in names:
                names[label.id or 0] = label.name
            if label not in known:
                self.meta.labels.add(label)
                known.append(label)
        return names

    def count(self) -> int:
        """Return how many videos there are."""
        return sum(len(index.videos or index.places) for index in self._files)

    def kinds(self) -> set[str]:
        """Return what occurs: masks, outlines and boxes, alone or over frames."""
        return {"box", "outline", "runs", "other"}

    def records(self, problems: Problems) -> Iterator[ItemRecord]:
        """Yield a record for each video, in the order of the files."""
        for index, subset, names in zip(self._files, self._subsets, self._labels, strict=True):
            reader = TrackReader(self.context.limits, results=index.results)
            seen: set[object] = set()
            due: dict[int | str, dict[str, Any] | None] = dict(index.videos)
            for key, places in index.places.items():
                if key is None or (key not in due and not index.results):
                    self._lost(index, places, key, problems)
                elif key not in due:
                    due[key] = None
            for key, record in due.items():
                item, video = self._item(index, key, record, problems)
                item.subset = subset
                found: list[Annotation] = []
                numbers: list[int] = []
                for place in index.places.get(key, ()):
                    made = self._read(index, reader, place, video, names, seen, problems)
                    found += made
                    numbers += [place.number] * len(made)
                _complete(item, found, index.results)
                for annotation in found:
                    annotation.item = item
                yield ItemRecord(item, found, index.shown, numbers)

    def _lost(
        self, index: FileIndex, places: list[Place], key: int | str | None, problems: Problems
    ) -> None:
        """Tell of records that belong to no video."""
        for place in places:
            location = index.unit.format(place.number)
            code, why = (
                "ref.image",
                f"video {key!r} is not in the file. Add it, or correct video_id",
            )
            if key is None:
                code, why = _why_no_video(index.text(place), self.context.limits.depth)
            problems.skipped(code, why, path=index.shown, location=location)

    def _read(
        self,
        index: FileIndex,
        reader: TrackReader,
        place: Place,
        video: Video,
        names: dict[int | str, str],
        seen: set[object],
        problems: Problems,
    ) -> list[Annotation]:
        where: dict[str, Any] = {"path": index.shown, "location": index.unit.format(place.number)}

        def tell(status: str, code: str, why: str) -> None:
            getattr(problems, status)(code, why, **where)

        try:
            made = reader.read(
                index.text(place),
                place.number,
                video,
                lambda category: self._label(category, names, index),
                tell,
            )
        except FormatError as error:
            if error.path is not None:  # raised by a strict `tell`
                raise
            problems.skipped(error.code, error.message, **where)
            return []
        identifier = made[0].id
        if identifier is not None:
            if identifier in seen:
                problems.notice(
                    "ref.duplicate_id",
                    f"id {identifier!r} occurs before; both records are kept",
                    annotation_id=identifier,
                    **where,
                )
            seen.add(identifier)
        return made

    def _label(self, category: Any, names: dict[int | str, str], index: FileIndex) -> str:
        key = identity(category)
        if key is None:
            code = "schema.field" if category is None else "type.id"
            raise FormatError("has no usable category_id. Correct it", code=code)
        if key in names:
            return names[key]
        if index.results and not index.labels:
            # Results without a ground truth: ids are all that is known.
            name = str(key)
            if self.meta.labels.find(name) is None:
                self.meta.labels.add(Label(name=name, id=key))
            return name
        raise FormatError(
            f"category {key!r} is not in the file. Add it, or correct category_id",
            code="ref.category",
        )

    def _item(
        self,
        index: FileIndex,
        key: int | str,
        record: dict[str, Any] | None,
        problems: Problems,
    ) -> tuple[Item, Video]:
        """Return a video, and what its tracks have to fit to."""
        item = Item(name=f"video-{key}", media="video", id=key)
        if record is None:
            return item, Video(None, None, None)
        where: dict[str, Any] = {"path": index.shown, "location": f"video {key!r}"}

        def whole(name: str, least: int, most: int) -> int | None:
            value = record.get(name)
            if value is None:
                return None
            if type(value) is float and value.is_integer():
                value = int(value)
            if type(value) is int and least <= value <= most:
                return value
            problems.repaired(
                "value.range",
                f"{name} is {str(value)[:40]}; it is a whole number from {least} to {most}. "
                "It is not known then",
                **where,
            )
            return None

        item.width, item.height = whole("width", 1, 10**9), whole("height", 1, 10**9)
        length = whole("length", 0, self.context.limits.frames)
        files = record.get("file_names")
        texts = isinstance(files, list) and all(isinstance(name, str) for name in files)
        if isinstance(files, list) and length is None:
            length = len(files) or None
        elif isinstance(files, list) and length != len(files):
            problems.warning(
                "video.frames",
                f"length is {length}, and there are {len(files)} file_names; length counts",
                **where,
            )
        item.frame_count = length
        fields = {name: value for name, value in record.items() if name not in _OF_VIDEO}
        rate = fields.get("fps")
        if isinstance(rate, int | float) and rate is not True and 0 < rate <= 10**6:
            item.fps = float(fields.pop("fps"))
        named = fields.get("name")
        if isinstance(named, str) and named:
            item.name = _safe(named, item.name or "", problems, where)
        elif texts and files:
            item.name = _name(files, item.name or "", problems, where)
        if texts and files:
            if files == [frame_name(item.name, k) for k in range(len(files))]:
                del fields["file_names"]
        elif "file_names" not in fields:
            fields["file_names"] = None
        item.fields = fields or None
        return item, Video(item.width, item.height, length)


def _name(files: list[str], default: str, problems: Problems, where: dict[str, Any]) -> str:
    """Return the name of a video: the one that its frames are named after, else their folder."""
    video, found, _ = files[0].rpartition(".frame.0.")
    name = video if found else posixpath.dirname(files[0])
    if not name or (not found and any(posixpath.dirname(file) != name for file in files)):
        return default
    return _safe(name, default, problems, where)


def _safe(name: str, default: str, problems: Problems, where: dict[str, Any]) -> str:
    try:
        return safe_name(name)[0]
    except FormatError as error:
        problems.warning(error.code, f"{error.message}; it is called {default!r}", **where)
        return default


def _complete(item: Item, found: list[Annotation], results: bool) -> None:
    """Learn size and length of a video from its masks where nobody tells them: of results."""
    if not results:
        return
    last = max((one.end_frame for one in found), default=-1)
    if item.frame_count is None and last >= 0:
        item.frame_count = last + 1
    for one in found:
        shape = getattr(one.annotation_definition, "shape", None)
        if item.width is None and isinstance(shape, tuple):
            item.height, item.width = shape


def _why_no_video(raw: bytes, depth: int) -> tuple[str, str]:
    from dlgeom.converters.coco.read_json import checked_object

    try:
        record = checked_object(raw, "a record", depth)
    except FormatError as error:
        return error.code, error.message
    code = "schema.field" if record.get("video_id") is None else "type.id"
    return code, "has no usable video_id; ids are integers or text. Correct it"


def _chosen(path: Path, context: ReadContext) -> list[Path]:
    found = [path]
    if path.is_dir():
        # Where none shows what it is (a list without results), all are taken for what was asked.
        found = files_of(path)
        found = [file for file in found if looks_native(file)] or found
    if not found:
        raise FormatError(
            "has no JSON file with videos and tracks. Name the file itself",
            code="schema.root",
            path=str(path),
        )
    if context.subsets and len(found) > 1:
        known = [_stem(file) for file in found]
        for name in context.subsets:
            if name not in known:
                raise UsageError(f"no split {name!r}; the data set has {', '.join(known)}")
        found = [file for file in found if _stem(file) in context.subsets]
    return found


def _stem(file: Path) -> str:
    name = bare_name(file.name).removesuffix(".json")
    return file.parent.name if name == "instances" and file.parent.name else name
