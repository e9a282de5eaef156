"""Reading YOLO rows of videos: a file, or a folder with a file for each video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dlgeom.annotation import Annotation
from dlgeom.converters.base import Meta, ReadContext
from dlgeom.converters.inputs import check_inside, decode_text, read_bytes
from dlgeom.converters.items import ItemReader, ItemRecord
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo.read_names import given_names, name_lines
from dlgeom.converters.yolo_video.recognise import NAMES, row_files
from dlgeom.converters.yolo_video.rows import Row, parse_rows
from dlgeom.converters.yolo_video.videos import VideoFolder, given_size, item_of
from dlgeom.definitions.base import Definition
from dlgeom.errors import FormatError
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable
from dlgeom.video.editing import from_detections

__all__ = ["YoloVideoReader"]


class YoloVideoReader(ItemReader):
    """A source of YOLO rows of videos; see `dlgeom.converters.base.Reader`.

    Each file is a video. The boxes of an object are one annotation over frames, its polygons
    another one; it is hidden where it has no row. Rows without an object id are annotations of one
    frame.
    """

    unit = "line {}"

    def __init__(self, path: Path, context: ReadContext) -> None:
        self._root = path
        self._folder = path if path.is_dir() else path.parent
        self._files = row_files(path)
        if not self._files:
            raise FormatError(
                "has no .txt file of rows, in no folder. Name the folder of the files, or one",
                code="schema.root",
                path=str(path),
            )
        self._videos = VideoFolder(self._folder if context.images is None else context.images)
        self._size = given_size(context.options)
        self._names = _names(self._folder, context)
        labels = LabelTable(
            Label(name=name, id=number) for number, name in (self._names or {}).items()
        )
        super().__init__(Meta(format="yolo-video", labels=labels), context)
        if context.images is not None and context.images.is_dir():
            self.meta.images_root = context.images

    def count(self) -> int:
        """Return how many files there are."""
        return len(self._files)

    def kinds(self) -> set[str]:
        """Return what occurs: boxes and outlines, alone or over frames."""
        return {"box", "outline", "other"}

    def records(self, problems: Problems) -> Iterator[ItemRecord]:
        """Yield a record for each file; one of many that cannot be trusted is left out."""
        for file in self._files:
            shown = file.name if file == self._root else file.relative_to(self._root).as_posix()
            try:
                check_inside(file, self._folder, shown)
                yield self._read(file, shown, problems)
            except FormatError as error:
                if len(self._files) == 1:
                    raise
                problems.file(error)

    def _read(self, file: Path, shown: str, problems: Problems) -> ItemRecord:
        limits = self.context.limits
        data = read_bytes(file, limit_name="file_bytes", limits=limits, shown=shown, empty=True)
        text, note = decode_text(data, shown)
        if note:
            problems.notice(note, "is UTF-16; read as that", path=shown)
        item = self._item(shown)
        rows = parse_rows(text, (item.width or 0, item.height or 0), shown, problems, limits)
        annotations, lines = self._annotations(rows, shown, problems)
        for annotation in annotations:
            annotation.item = item
        return ItemRecord(item, annotations, shown, lines)

    def _item(self, shown: str) -> Item:
        name = shown.rpartition(".")[0]
        found = self._videos.find(name)
        if found is not None:
            item = item_of(*found)
            if self._size is not None:
                item.width, item.height = self._size
            return item
        if self._size is None:
            raise FormatError(
                f"has coordinates divided by the size of a video, and no video named {name!r} is "
                "there to tell it. Name the folder of the videos with --images, or give "
                "--yolo-video-size WIDTHxHEIGHT",
                code="image.size",
                path=shown,
            )
        width, height = self._size
        return Item(name=name, width=width, height=height, media="video")

    def _annotations(
        self, rows: Iterator[Row], shown: str, problems: Problems
    ) -> tuple[list[Annotation], list[int]]:
        tracks: dict[tuple[str, str], dict[int, Definition]] = {}
        lines: dict[tuple[str, str], int] = {}
        found: list[tuple[Annotation, int]] = []
        for row in rows:
            label = self._label(row, shown, problems)
            if label is None:
                continue
            shape = row.shape.replace(label=label)
            if row.thing is None:
                found.append((_alone(shape, row), row.line))
                continue
            # Boxes and polygons of one object are two annotations: each has one type.
            key = (row.thing, shape.type)
            known = tracks.get(key, {}).get(row.frame)
            where = f"line {row.line}"
            if known is not None and known == shape:
                problems.notice(
                    "record.duplicate",
                    "repeats an earlier row; it is read once",
                    path=shown,
                    location=where,
                )
            elif known is not None:
                problems.notice(
                    "ref.duplicate_id",
                    f"object {row.thing} has another row in frame {row.frame}; both are kept",
                    path=shown,
                    location=where,
                )
                found.append((_alone(shape, row), row.line))
            else:
                tracks.setdefault(key, {})[row.frame] = shape
                lines.setdefault(key, row.line)
        for key, states in tracks.items():
            [track] = from_detections((frame, key[0], shape) for frame, shape in states.items())
            found.append((track.to_annotation(), lines[key]))
        found.sort(key=lambda entry: entry[1])
        return [annotation for annotation, _ in found], [line for _, line in found]

    def _label(self, row: Row, shown: str, problems: Problems) -> str | None:
        """Return the name of a row's class, its number where nobody names any."""
        if self._names is None:
            name = str(row.number)
            if self.meta.labels.find(name) is None:
                self.meta.labels.add(Label(name=name, id=row.number))
            return name
        if row.number in self._names:
            return self._names[row.number]
        problems.skipped(
            "ref.category",
            f"class {row.number} has no name; names are 0 to {max(self._names)}. Correct the row, "
            "or the names",
            path=shown,
            location=f"line {row.line}",
        )
        return None


def _alone(shape: Definition, row: Row) -> Annotation:
    return Annotation(
        shape, object_id=row.thing, frame_num=row.frame, end_frame_num=row.frame
    )  # fmt: skip


def _names(folder: Path, context: ReadContext) -> dict[int, str] | None:
    """Return the names of classes: of ``--names``, else of a file beside the rows."""
    given = given_names(context)
    if given is not None:
        return given.names
    for name in NAMES:
        if (folder / name).is_file():
            check_inside(folder / name, folder, name)
            return name_lines(folder / name, context, name) or None
    return None
