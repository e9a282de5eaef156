"""Writing YouTube-VIS: one file, or one for each split, record by record."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any, NamedTuple

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.converters.base import WriteContext
from dlgeom.converters.coco.write_ids import Categories, Ids, encode_json, is_plain
from dlgeom.converters.coco.write_root import open_stream
from dlgeom.converters.fields import ALL_FIELDS
from dlgeom.converters.frames import frame_name
from dlgeom.converters.items import ItemLosses, ItemWriter, fields_of
from dlgeom.converters.names import output_name, safe_name
from dlgeom.converters.yolo_video.videos import VideoFolder, given_size, item_of
from dlgeom.converters.ytvis.index import identity
from dlgeom.converters.ytvis.records import (
    Facts,
    category_of,
    groups_of,
    lists_of,
    made_record,
    own_record,
)
from dlgeom.converters.ytvis.tracks import RESERVED
from dlgeom.converters.ytvis.write_codes import CODES
from dlgeom.errors import FormatError
from dlgeom.item import Item

__all__ = ["YtvisWriter"]

_KEPT = frozenset(
    {
        "id",
        "score",
        "iscrowd",
        "object_id",
        "frame_num",
        "end_frame_num",
        "start_time",
        "end_time",
        "frames",
        "fixed",
        "object_visible",
    }
)
_LISTS = ("annotations", "videos", "categories", "images")
_OF_VIDEOS = frozenset(
    {
        "fps",
        "frame_count",
        "file_names",
        "license",
        "date_captured",
        "flickr_url",
        "coco_url",
        "youtube_id",
    }
)
"""What is kept of videos that come from another format, which has keys of its own."""
_NAMES = 4_096


class _Film(NamedTuple):
    """A video that was written: its item, id and number of frames."""

    item: Item
    id: Any
    length: int


class _File:
    """One file: its records go out at once, its videos and categories at the end."""

    def __init__(self, context: WriteContext, place: str, *, results: bool) -> None:
        self.context = context
        self.results = results
        self.videos: list[_Film] = []
        self.video_ids, self.ids = Ids(), Ids()
        self.categories = Categories(context.meta.labels, context.problems)
        self._sink = open_stream(context.output, place)
        self._sink.write(b"[" if results else b'{"annotations":[')
        self._first = True

    def add(self, text: bytes) -> None:
        """Write a record."""
        self._sink.write(b"\n" if self._first else b",\n")
        self._sink.write(text)
        self._first = False

    def close(self) -> None:
        """Write what is due at the end."""
        if self.results:
            self._sink.write(b"\n]\n")
            self._sink.close()
            return
        own = self.context.meta.format == "ytvis"
        self._sink.write(b'\n],\n"videos":[')
        for number, film in enumerate(self.videos):
            self._sink.write(b",\n" if number else b"\n")
            for piece in _video(film, own=own):
                self._sink.write(piece)
        self._sink.write(b'\n],\n"categories":[\n')
        self._sink.write(self.categories.records())
        self._sink.write(b"\n]")
        for key, raw in self.context.meta.sections.items():
            if raw and key not in _LISTS:
                self._sink.write(b",\n" + encode_json(key) + b":" + raw)
        self._sink.write(b"}\n")
        self._sink.close()


class YtvisWriter(ItemWriter):
    """Writes the tracks of each video; what was read and not changed comes out as it was."""

    codes = CODES

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        kind = str(context.options["ytvis_kind"])
        was = bool(context.meta.extra.get("ytvis_results"))
        self._results = kind == "results" or (kind == "auto" and was)
        self._own = context.meta.format == "ytvis"
        self.item_fields = ALL_FIELDS if self._own else _OF_VIDEOS
        self.label_fields = frozenset({"id"}) if self._results else ALL_FIELDS
        sections = {key for key, raw in context.meta.sections.items() if raw and key not in _LISTS}
        self.section_fields = frozenset() if self._results else frozenset(sections)
        self._size = given_size(context.options, "ytvis_size")
        root = context.meta.images_root
        self._folder = None if root is None else VideoFolder(root)
        self._files: dict[str, _File] = {}
        self._sized = False
        self._unsized: str | None = None

    def write_item(
        self, item: Item, annotations: AnnotationCollection, losses: ItemLosses, where: str
    ) -> None:
        """Write the records of a video."""
        found = list(annotations)
        size = self._size_of(item, found)
        if size is None:
            self._unsized = self._unsized or item.name or "video"
            for position in range(len(found)):
                losses.drop(position, "image.size")
            return
        self._sized = True
        file = self._file(item)
        good = []
        for position, one in enumerate(found):
            if code := self._fault(one):
                losses.drop(position, code)
            else:
                good.append(position)
        last = max((found[position].end_frame for position in good), default=-1)
        length = max(item.frame_count or 0, last + 1)
        video_id, _ = file.video_ids.take(item.id, any_kind=self._own)
        item.width, item.height = size
        file.videos.append(_Film(item, video_id, length))
        for group in groups_of([found[position] for position in good]):
            positions = [good[k] for k in group]
            members = [found[position] for position in positions]
            facts = Facts(*size, length, video_id, self._category(members[0], file), None)
            self._write(members, positions, facts, file, losses)

    def _write(
        self,
        members: list[Annotation],
        positions: list[int],
        facts: Facts,
        file: _File,
        losses: ItemLosses,
    ) -> None:
        wish = next((one.id for one in members if one.id is not None), None)
        identifier, kept = file.ids.take(wish, any_kind=self._own)
        facts = facts._replace(id=identifier)
        text = own_record(members, facts, results=self._results)
        if text is not None:
            file.add(text)
            if wish is not None and not kept and not self._results:
                losses.fields["id"] += 1
            return
        text, code = made_record(members, facts, self.context.limits, results=self._results)
        if text is None:
            for position in positions:
                losses.drop(position, code)
            return
        file.add(text)
        for position, one in zip(positions, members, strict=True):
            if code:
                losses.approximate(position, code)
            if any(state.label != members[0].states[0].label for state in one.states):
                losses.approximate(position, "label.changes")
            self._count(one, losses, kept=kept)

    def finish(self) -> None:
        """Finish all files.

        Raises
        ------
        FormatError
            ``image.size`` where no video had a size.
        """
        if self._unsized is not None and not self._sized:
            raise FormatError(
                f"no video has a known size, {self._unsized!r} for one, which each video of the "
                "target has. Name the folder of the videos with --images, or give --ytvis-size "
                "WIDTHxHEIGHT",
                code="image.size",
            )
        if not self._files:
            self._file(Item())
        for file in self._files.values():
            file.close()

    def _file(self, item: Item) -> _File:
        output = self.context.output
        if output.single:
            place = output.name
        else:
            subset = item.subset or "instances"
            place = (
                f"annotations/{output_name(safe_name(subset, limits=self.context.limits)[0])}.json"
            )
        found = self._files.get(place)
        if found is None:
            found = self._files[place] = _File(self.context, place, results=self._results)
        return found

    def _size_of(self, item: Item, annotations: list[Annotation]) -> tuple[int, int] | None:
        known = item
        if not (item.width and item.height) and self._folder is not None and item.name:
            video = self._folder.find(item.name)
            known = item if video is None else item_of(*video)
        if known.width and known.height:
            return known.width, known.height
        if self._size is not None:
            return self._size
        for one in annotations:
            shape = getattr(one.annotation_definition, "shape", None)
            if isinstance(shape, tuple):
                return int(shape[1]), int(shape[0])
        return None

    def _fault(self, annotation: Annotation) -> str:
        label = annotation.states[0].label
        if label is None or not label:
            return "ref.category"
        return "value.range" if annotation.end_frame >= self.context.limits.frames else ""

    def _category(self, annotation: Annotation, file: _File) -> Any:
        """Return the id of a category; of several of one name that of the source's record."""
        labels = self.context.meta.labels
        name = annotation.states[0].label or ""
        index = labels.index(name)
        ids = file.categories.ids()
        own = identity(category_of(annotation))
        place = None if own is None else labels.find_id(own)
        if place is not None and labels[place].name == name and ids[place] == own:
            return own
        return ids[index]

    def _count(self, annotation: Annotation, losses: ItemLosses, *, kept: bool) -> None:
        """Count the fields that records have no place for."""
        lists = set() if self._results else set(lists_of([annotation]))
        for name in fields_of(annotation):
            attribute = name.removeprefix("attributes.")
            if name in _KEPT and not (self._results and name in ("iscrowd", "object_id", "id")):
                if name == "id" and not kept:
                    losses.fields[name] += 1
                continue
            if (attribute != name and attribute in lists) or _computed(annotation, name):
                continue
            extra = annotation.extra.get(name, float("nan"))
            if not self._results and name not in RESERVED and is_plain(extra):
                continue
            losses.fields[name] += 1


def _computed(annotation: Annotation, name: str) -> bool:
    """Whether a field is what is made from the shape anyway."""
    shape = annotation.states[0].annotation_definition
    if name == "bbox" and annotation.stored_bounds is not None:
        pairs = zip(annotation.stored_bounds, shape.bounds, strict=True)
        return all(abs(a - b) < 1e-6 for a, b in pairs)
    if name == "area" and annotation.stored_area is not None:
        return abs(float(getattr(shape, "area", -1.0)) - annotation.stored_area) < 1e-6
    return False


def _told_name(names: Any, film: _Film) -> str | None:
    """Return the name of a video that its file_names tell."""
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        folders = {posixpath.dirname(name) for name in names}
        return folders.pop() if len(folders) == 1 else None
    return film.item.name if film.length and names is not None else None


def _video(film: _Film, *, own: bool) -> Iterator[bytes]:
    """Yield the record of a video in pieces: its frames can be a million."""
    item = film.item
    record: dict[str, Any] = {
        "id": film.id,
        "width": item.width,
        "height": item.height,
        "length": film.length,
    }
    if item.fps:
        record["fps"] = item.fps
    extra = {k: v for k, v in item.extra.items() if own or k in _OF_VIDEOS}
    names = extra.pop("file_names", ())
    known = (None, _told_name(names, film), f"video-{film.id}")
    if "name" not in extra and item.name not in known:
        extra["name"] = item.name
    record |= {k: v for k, v in extra.items() if k not in record and is_plain(v)}
    yield encode_json(record)[:-1]
    if names is None:
        yield b"}"
        return
    if not isinstance(names, list) or not is_plain(names):
        names = []
    yield b',"file_names":['
    block: list[bytes] = [encode_json(name) for name in names]
    first = True
    for frame in range(len(names), film.length):
        block.append(encode_json(frame_name(item.name, frame)))
        if len(block) >= _NAMES:
            yield (b"" if first else b",") + b",".join(block)
            block, first = [], False
    if block:
        yield (b"" if first else b",") + b",".join(block)
    yield b"]}"
