"""YOLO data sets as a stream of chunks.

Layouts, names and splits are found by `layout`, rows are parsed by `rows` and made into shapes
by `read_shapes`; here they become items and chunks. A window is a few thousand label files, read
and parsed together; each image is in exactly one chunk, so the stream is always grouped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dlgeom.chunk import Chunk, Origin
from dlgeom.converters.base import ALL, Meta, Option, ReadContext
from dlgeom.converters.images import ImageFolder, ImageInfo, check_size, image_info
from dlgeom.converters.inputs import check_inside, read_bytes
from dlgeom.converters.names import safe_name
from dlgeom.converters.yolo.layout import Layout, find_layout, looks_like
from dlgeom.converters.yolo.read_shapes import Refused, check_rows, take_confidence, to_shapes
from dlgeom.converters.yolo.read_splits import Entry
from dlgeom.converters.yolo.rows import Rows, parse_rows
from dlgeom.errors import FormatError, UsageError
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable

__all__ = ["READ_OPTIONS", "YoloReader", "open_reader", "recognise"]

WINDOW_FILES = 2_000
WINDOW_BYTES = 4 << 20
FAR = 1.0
FAR_OWN = 1e4
"""How far numbers may lie from 0..1: objects that stick out are real, pixels are a mistake. What
dlgeom wrote itself is trusted further."""

READ_OPTIONS: tuple[Option, ...] = (
    Option(
        name="yolo_conf",
        help="Where prediction rows have their confidence; the file cannot tell.",
        choices=("none", "last", "second"),
        default="none",
        use="read",
    ),
    Option(
        name="yolo_image_size",
        help="WIDTHxHEIGHT of all images, where there are no images to read sizes from.",
        use="read",
    ),
)


def recognise(path: Path) -> int:
    """Return 0 if a path is no YOLO data set, 1 if it could be, 2 if it surely is."""
    try:
        return looks_like(path)
    except (OSError, FormatError):
        return 0


def open_reader(path: Path, context: ReadContext) -> YoloReader:
    """Open a YOLO data set; see `YoloReader`."""
    return YoloReader(path, context)


class YoloReader:
    """Reads Ultralytics and darknet layouts, folders of labels, and folders of classes.

    Parameters
    ----------
    path : Path
        A class file or a folder.
    context : ReadContext
        What the run was given.

    Raises
    ------
    FormatError
        If names are missing, a class file cannot be trusted, or sizes are not known.
    """

    def __init__(self, path: Path, context: ReadContext) -> None:
        self._context = context
        self._layout: Layout = find_layout(path, context)
        data = self._layout.data
        if data.skip_missing and not self._layout.classify:
            self._layout.entries = [e for e in self._layout.entries if e.label is not None]
        self._indexes = np.array(sorted(data.names), dtype=np.int64)
        self._size = _given_size(context.options.get("yolo_image_size"))
        self._conf = context.options.get("yolo_conf") or "none"
        self._folder = ImageFolder(context.images) if context.images else None
        self._cache: dict[str, ImageInfo] = {}
        self._task = self._find_task()
        self.meta = Meta(
            format="yolo",
            labels=LabelTable(self._labels()),
            subsets=list(dict.fromkeys(e.subset for e in self._layout.entries if e.subset)),
            extra=self._extra(),
            images_root=self._images_root(),
        )

    # -- what the data set says of itself --------------------------------------------------

    def _extra(self) -> dict[str, Any]:
        extra: dict[str, Any] = {} if self._task == "mixed" else {"task": self._task}
        if self._layout.data.kpt_shape:
            extra["kpt_shape"] = self._layout.data.kpt_shape
        return extra

    def _images_root(self) -> Path | None:
        if self._context.images is not None:
            return self._context.images
        root = self._layout.images_root
        return None if root is None else self._layout.tree.path(root)

    def _labels(self) -> list[Label]:
        data = self._layout.data
        indexes = self._indexes.tolist()
        ids: list[Any] = list(data.category_ids)
        if len(ids) != len(indexes):
            # Without gaps the indexes are no ids of anything: other formats number as they do.
            dense = indexes == list(range(len(indexes)))
            ids = [None] * len(indexes) if dense else list(indexes)
        count = data.kpt_shape[0] if data.kpt_shape else 0
        default = tuple(f"keypoint {k + 1}" for k in range(count))
        return [
            Label(
                name=data.names[index],
                id=ids[place],
                keypoints=data.keypoints.get(index, data.keypoints.get(-1, default)),
                flip=data.flip,
            )
            for place, index in enumerate(indexes)
        ]

    def _find_task(self) -> str:
        """Return the task: asked for, told by the data set, or guessed from the rows."""
        data = self._layout.data
        asked = self._context.task
        if self._layout.classify:
            return "classify"
        if data.kpt_shape is not None:
            return "pose"
        if data.task in ("detect", "segment", "obb"):
            return data.task
        if asked in ("obb", "segment"):
            return asked
        return self._guess_task()

    def _guess_task(self) -> str:
        """Guess from the rows: as many of them as it takes to tell."""
        extra = 0 if self._conf == "none" else 1
        corners = False
        for entries in self._windows():
            rows = parse_rows([text for _, text in self._texts(entries, quiet=True)])
            counts = rows.counts - extra
            if not len(counts):
                continue
            if (counts == 8).all():
                corners = True
                continue
            # Boxes so far; outlines may follow, and both are read.
            return "segment" if corners or (counts > 5).any() else "mixed"
        if corners:
            self._context.problems.notice(
                "schema.unknown",
                "all rows have nine fields: they are read as rotated boxes (obb). "
                "Pass --task segment if they are outlines",
                path=self._layout.tree.root.name,
            )
            return "obb"
        return "detect"

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, keypoints, other occur."""
        known = {
            "classify": {"other"},
            "pose": {"keypoints", "box"},
            "obb": {"rotated"},
            "detect": {"box"},
        }
        if self._task in known:
            return known[self._task]
        kinds: set[str] = set()
        for entries in self._windows():
            counts = parse_rows([text for _, text in self._texts(entries, quiet=True)]).counts
            if (counts > 5).any():
                return {"outline", "box"}
            if len(counts):
                kinds.add("box")
        return kinds

    def count(self) -> int | None:
        """Return the number of images."""
        return len(self._layout.entries)

    # -- reading ---------------------------------------------------------------------------

    def _windows(self) -> Iterator[list[Entry]]:
        entries = self._layout.entries
        for start in range(0, len(entries), WINDOW_FILES):
            yield entries[start : start + WINDOW_FILES]

    def _texts(self, entries: list[Entry], *, quiet: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yield position and content of each label file that can be read."""
        tree = self._layout.tree
        for position, entry in enumerate(entries):
            if entry.label is None:
                yield position, b""
                continue
            try:
                path = tree.path(entry.label)
                if tree.listing(entry.label.rpartition("/")[0]).get(path.name) != 1:
                    check_inside(path, tree.root, entry.label)
                yield (
                    position,
                    read_bytes(path, limits=self._context.limits, shown=entry.label, empty=True),
                )
            except FormatError as error:
                if not quiet:
                    self._bad_file(error)

    def _bad_file(self, error: FormatError) -> None:
        """Raise if it is the only file, or tell that it is left out."""
        if len(self._layout.entries) == 1:
            raise error
        self._context.problems.file(error)

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set in windows of a few thousand images; always grouped."""
        if self._layout.classify:
            yield from self._classify_chunks()
            return
        number = order = 0
        for entries in self._windows():
            pairs = list(self._texts(entries))
            for part in _portions(pairs):
                chunk = self._chunk([entries[k] for k, _ in part], [t for _, t in part], order)
                for item in chunk.items:
                    item.number = number
                    number += 1
                order += len(chunk)
                if chunk.items:
                    yield chunk

    def _chunk(self, entries: list[Entry], texts: list[bytes], order: int) -> Chunk:
        rows = parse_rows(texts)
        dead = self._tell_faults(entries, rows)
        self._tell_repeats(entries, texts)
        filled = np.zeros(len(entries), dtype=np.bool_)
        filled[rows.file] = True
        items: list[Item] = []
        place = np.full(len(entries), -1, dtype=np.int64)
        for position, entry in enumerate(entries):
            if position in dead:
                continue
            try:
                item = self._item(entry, bool(filled[position]))
            except FormatError as error:
                if error.code == "image.size" and error.path is None:
                    raise
                self._bad_file(error)
                continue
            place[position] = len(items)
            items.append(item)
        rows = rows.take(np.flatnonzero(place[rows.file] >= 0))
        rows, score = self._confidence(rows)
        far = FAR_OWN if self._layout.own else FAR
        task = None if self._task in ("segment", "mixed") else self._task
        refused = check_rows(
            rows,
            task=task,
            keypoints=self._layout.data.kpt_shape,
            known=self._indexes,
            far=far,
        )
        rows, score = self._without(rows, score, refused, entries)
        owner = place[rows.file]
        sizes = np.array(
            [(item.width or 0, item.height or 0) for item in items], dtype=np.int64
        ).reshape(-1, 2)[owner]
        shapes = to_shapes(
            rows,
            sizes,
            task=task,
            keypoints=self._layout.data.kpt_shape,
            limits=self._context.limits,
        )
        paths = [entry.label or entry.name for k, entry in enumerate(entries) if place[k] >= 0]
        chunk = Chunk.build(
            items=items,
            item=owner,
            labels=self.meta.labels,
            label=np.searchsorted(self._indexes, rows.cls),
            order=np.arange(order, order + len(rows), dtype=np.int64),
            bounds=shapes.bounds,
            rotated=shapes.rotated,
            outline=shapes.outline,
            keypoints=shapes.keypoints,
            score=score,
            origin=Origin(
                format="yolo",
                paths=paths,
                unit="line {}",
                number=rows.line,
                buffer=rows.buffer,
                spans=rows.spans,
            ),
        )
        if shapes.bad:
            self._tell(rows, shapes.bad, entries)
            keep = np.ones(len(rows), dtype=np.bool_)
            keep[[row for row, _, _ in shapes.bad]] = False
            chunk = chunk.select(np.flatnonzero(keep))
        return chunk

    def _confidence(self, rows: Rows) -> tuple[Rows, Any]:
        """Take the confidences out where the user says that there are some."""
        if self._conf == "none" or not len(rows):
            return rows, np.full(len(rows), np.nan)
        counts = rows.counts
        shape = self._layout.data.kpt_shape
        if self._task == "pose" and shape is not None:
            has = counts == 5 + shape[0] * shape[1]
        else:
            has = counts % 2 == 1
        return take_confidence(rows, self._conf, has)

    # -- telling ---------------------------------------------------------------------------

    def _tell(self, rows: Rows, refused: Refused, entries: list[Entry]) -> None:
        for row, code, message in refused:
            entry = entries[int(rows.file[row])]
            self._context.problems.skipped(
                code, message, path=entry.label, location=f"line {rows.line[row]}"
            )

    def _without(
        self, rows: Rows, score: Any, refused: Refused, entries: list[Entry]
    ) -> tuple[Rows, Any]:
        if not refused:
            return rows, score
        self._tell(rows, refused, entries)
        keep = np.ones(len(rows), dtype=np.bool_)
        keep[[row for row, _, _ in refused]] = False
        kept = np.flatnonzero(keep)
        return rows.take(kept), score[kept]

    def _tell_faults(self, entries: list[Entry], rows: Rows) -> set[int]:
        """Tell what the parser found; return the files that are no text."""
        problems = self._context.problems
        dead: set[int] = set()
        for fault in rows.faults:
            entry = entries[fault.file]
            where: dict[str, Any] = {"path": entry.label}
            if fault.line:
                where["location"] = f"line {fault.line}"
            if fault.whole and not fault.kept:
                dead.add(fault.file)
                self._bad_file(FormatError(fault.message, code=fault.code, **where))
            elif fault.whole:
                problems.notice(fault.code, fault.message, **where)
            elif fault.kept:
                problems.repaired(fault.code, fault.message, **where)
            else:
                problems.skipped(fault.code, fault.message, **where)
        return dead

    def _tell_repeats(self, entries: list[Entry], texts: list[bytes]) -> None:
        """Tell of rows that stand twice in a file; both are kept."""
        for entry, text in zip(entries, texts, strict=True):
            lines = text.split(b"\n")
            if len(set(lines)) == len(lines):
                continue
            seen: set[bytes] = set()
            for number, line in enumerate(lines, 1):
                row = b" ".join(line.split())
                if row and row in seen:
                    self._context.problems.notice(
                        "record.duplicate",
                        "is the same row as an earlier one; both are kept",
                        path=entry.label,
                        location=f"line {number}",
                    )
                seen.add(row)

    # -- items -----------------------------------------------------------------------------

    def _item(self, entry: Entry, has_rows: bool) -> Item:
        name, note = safe_name(entry.name, limits=self._context.limits, shown=entry.label)
        if note:
            self._context.problems.warning(
                note, f"name {entry.name!r} is used as {name!r}", path=entry.label
            )
        item = Item(
            name=name,
            width=entry.width or None,
            height=entry.height or None,
            exif_orientation=entry.orientation,
            subset=entry.subset,
        )
        if item.width and item.height:
            check_size(item.width, item.height, limits=self._context.limits, shown=entry.label)
            return item
        info = self._info(entry, item)
        if info is not None:
            item.width, item.height = info.width, info.height
            item.exif_orientation = info.orientation
        elif self._size is not None:
            item.width, item.height = self._size
        elif has_rows:
            raise FormatError(
                f"size of image {entry.name!r} is not known; YOLO numbers are fractions of it. "
                "Pass --images DIR, or --yolo-image-size WIDTHxHEIGHT",
                code="image.size",
            )
        return item

    def _info(self, entry: Entry, item: Item) -> ImageInfo | None:
        """Read the header of an entry's image, wherever it is; mend its name if it was guessed."""
        tree = self._layout.tree
        found: Path | None = None
        if entry.image is not None:
            found = tree.path(entry.image)
            check_inside(found, tree.root, entry.image)
        elif self._folder is not None:
            stem = os.path.splitext(entry.name)[0] if entry.guessed else entry.name
            found = self._folder.find(entry.name) or self._folder.find(stem)
        if found is None:
            return None
        if entry.guessed:
            item.name = os.path.splitext(item.name or "")[0] + found.suffix
        return image_info(found, limits=self._context.limits, shown=entry.image or found.name)

    # -- classify --------------------------------------------------------------------------

    def _classify_chunks(self) -> Iterator[Chunk]:
        from dlgeom.annotation import Annotation
        from dlgeom.definitions import Classification

        data = self._layout.data
        place = {data.names[index]: k for k, index in enumerate(self._indexes.tolist())}
        number = 0
        for entries in self._windows():
            items: list[Item] = []
            labels: list[int] = []
            others: dict[int, Any] = {}
            paths: list[str] = []
            for entry in entries:
                try:
                    item = self._item(entry, False)
                except FormatError as error:
                    self._bad_file(error)
                    continue
                if entry.label not in place:
                    self._context.problems.skipped(
                        "ref.category",
                        f"folder {entry.label!r} is no class of the names. Add it",
                        path=entry.image,
                    )
                    continue
                item.number = number
                number += 1
                others[len(items)] = Annotation(Classification(entry.label))
                labels.append(place[entry.label])
                items.append(item)
                paths.append(entry.image or entry.name)
            if items:
                rows = np.arange(len(items))
                yield Chunk.build(
                    items=items,
                    item=rows,
                    labels=self.meta.labels,
                    label=np.array(labels, dtype=np.int64),
                    order=rows + (number - len(items)),
                    others=others,
                    origin=Origin(
                        format="yolo", paths=paths, unit="image", number=np.zeros_like(rows)
                    ),
                )


def _portions(pairs: list[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Cut a window where its files are large."""
    part: list[tuple[int, bytes]] = []
    size = 0
    for pair in pairs:
        part.append(pair)
        size += len(pair[1])
        if size >= WINDOW_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _given_size(text: str | None) -> tuple[int, int] | None:
    """Parse WIDTHxHEIGHT."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,7})[xX*,]([0-9]{1,7})", text.strip())
    if not found or not (int(found[1]) and int(found[2])):
        raise UsageError(f"yolo_image_size is {text!r}; it is WIDTHxHEIGHT, for example 1024x768")
    return int(found[1]), int(found[2])
