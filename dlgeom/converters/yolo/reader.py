"""YOLO data sets as a stream of chunks.

Layouts, names and splits are found by `layout`, rows are parsed by `rows` and made into shapes
by `read_shapes`; here they become items and chunks. A window is a few thousand label files, read
and parsed together; each image is in exactly one chunk, so the stream is always grouped.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk, Origin
from dlgeom.converters.base import ALL, Meta, ReadContext
from dlgeom.converters.yolo.layout import Layout, find_layout, looks_like
from dlgeom.converters.yolo.options import FAR_OWN, READ_OPTIONS
from dlgeom.converters.yolo.read_files import read_labels
from dlgeom.converters.yolo.read_items import ItemMaker, SizeUnknownError
from dlgeom.converters.yolo.read_shapes import Refused, check_rows, take_extras, to_shapes
from dlgeom.converters.yolo.read_splits import Entry
from dlgeom.converters.yolo.read_tree import Tree
from dlgeom.converters.yolo.rows import Rows, parse_rows
from dlgeom.errors import FormatError, OutputError
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable

if TYPE_CHECKING:
    from dlgeom.converters.parallel.units import Cut

__all__ = ["READ_OPTIONS", "YoloReader", "open_reader", "recognise"]

WINDOW_FILES = 2_000
GUESS_FILES = 100
WINDOW_BYTES = 2 << 20
FAR = 1.0
"""How far numbers may lie from 0..1: objects that stick out are real, pixels are a mistake. What
dlgeom wrote itself is trusted further."""


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
        self._shown, self._first = path.name, 0
        data = self._layout.data
        if data.skip_missing and not self._layout.classify:
            self._layout.entries = [e for e in self._layout.entries if e.label is not None]
        self._alone = len(self._layout.entries) == 1
        self._indexes = np.array(sorted(data.names), dtype=np.int64)
        self._conf = context.options.get("yolo_conf") or "none"
        self._track = context.options.get("yolo_track_id") or "none"
        self._items = ItemMaker(self._layout, context)
        self._refuse_nothing()
        self._task = self._find_task()
        self.meta = Meta(
            format="yolo",
            labels=LabelTable(self._labels()),
            subsets=list(dict.fromkeys(e.subset for e in self._layout.entries if e.subset)),
            extra=self._extra(),
            images_root=self._images_root(),
        )

    def _refuse_nothing(self) -> None:
        """Doubt a data set without a single label file: its labels are elsewhere."""
        entries = self._layout.entries
        if entries and not any(entry.label for entry in entries):
            self._context.problems.warning(
                "file.empty",
                f"none of {len(entries)} images has a label file; they are read as images "
                "without objects. Are the labels in a folder 'labels' beside 'images'?",
                path=self._layout.tree.root.name,
            )

    # -- what the data set says of itself --------------------------------------------------

    def _extra(self) -> dict[str, Any]:
        extra: dict[str, Any] = {} if self._task == "mixed" else {"task": self._task}
        if self._layout.data.kpt_shape:
            extra["kpt_shape"] = self._layout.data.kpt_shape
        if self._layout.data.extra:
            extra["yaml"] = self._layout.data.extra
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
        corners = False
        for counts in self._arities(GUESS_FILES):
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
        for counts in self._arities(WINDOW_FILES):
            kinds.add("box")
            if (counts > 5).any():
                kinds.add("outline")
                break
        return kinds

    def count(self) -> int | None:
        """Return the number of images."""
        return len(self._layout.entries)

    # -- reading ---------------------------------------------------------------------------

    def _windows(self, files: int = 0) -> Iterator[list[Entry]]:
        entries = self._layout.entries
        files = files or WINDOW_FILES
        for start in range(0, len(entries), files):
            yield entries[start : start + files]

    def _arities(self, files: int) -> Iterator[NDArray[np.int64]]:
        """Yield how many numbers the rows of each window have, without a word on bad ones."""
        for entries in self._windows(files):
            for part in _portions(self._texts(entries, quiet=True)):
                rows = parse_rows([text for _, text in part])
                if len(rows):
                    yield self._extras(rows, None)[0].counts

    def _texts(self, entries: list[Entry], *, quiet: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yield position and content of each label file that can be read."""
        refuse = _ignore if quiet else self._bad_file
        return read_labels(self._layout.tree, entries, self._context.limits, refuse)

    def _bad_file(self, error: FormatError | OutputError) -> None:
        """Raise if it is the only file, or tell that it is left out."""
        strict = self._context.problems.strict
        if self._alone or (strict and isinstance(error, OutputError)):
            raise error
        if isinstance(error, OutputError):
            error = FormatError(error.message, code=error.code, path=error.path)
        self._context.problems.file(error)

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set in windows of a few thousand images; always grouped."""
        if self._layout.classify:
            yield from self._classify_chunks()
            return
        number, order = self._first, 0
        for entries in self._windows():
            for part in _portions(self._texts(entries)):
                chunk = self._chunk([entries[k] for k, _ in part], [t for _, t in part], order)
                for item in chunk.items:
                    item.number = number
                    number += 1
                order += len(chunk)
                if chunk.items:
                    yield chunk

    def cut(self, *, grouped: bool, needs: frozenset[str]) -> Cut | None:
        """Return the data set as parts for other processes, None where it stays whole."""
        if self._layout.classify or self._context.images is not None:
            return None  # a folder of images is looked through once
        from dlgeom.converters.parallel.entries import cut_entries
        from dlgeom.converters.parallel.units import Cost

        base = copy.copy(self)
        tree = Tree(Path(os.path.abspath(self._layout.tree.root)))
        base._layout = msgspec.structs.replace(self._layout, tree=tree, entries=[])
        base.__dict__.update(_context=None, _items=None, meta=None)
        return cut_entries(
            self._layout.entries,
            WINDOW_FILES,
            Cost(item=25e-6),
            shown=self._shown,
            reader=self,
            context=self._context,
            base=base,
        )

    def of_part(
        self, entries: list[Entry], first: int, meta: Meta, context: ReadContext, number: int
    ) -> YoloReader:
        """Return a reader of some of the label files; images are counted from `number`."""
        reader = copy.copy(self)
        reader._context, reader.meta, reader._first = context, meta, number
        reader._layout = msgspec.structs.replace(self._layout, entries=entries)
        reader._items = ItemMaker(reader._layout, context)
        return reader

    def _chunk(self, entries: list[Entry], texts: list[bytes], order: int) -> Chunk:
        rows = parse_rows(texts)
        dead = self._leave_strays(entries, texts, rows)
        self._tell_faults(entries, rows, dead)
        self._tell_repeats(entries, texts)
        filled = np.zeros(len(entries), dtype=np.bool_)
        filled[rows.file] = True
        items, place = self._make_items(entries, filled.tolist(), dead)
        rows = rows.take(np.flatnonzero(place[rows.file] >= 0))
        shape = self._layout.data.kpt_shape if self._task == "pose" else None
        rows, score, tracks = self._extras(rows, shape)
        far = FAR_OWN if self._layout.own else FAR
        task = None if self._task in ("segment", "mixed") else self._task
        refused = check_rows(
            rows,
            task=task,
            keypoints=shape,
            known=self._indexes,
            far=far,
            score=score,
        )
        if refused:
            self._tell(rows, refused, entries)
            kept = np.delete(np.arange(len(rows)), [row for row, _, _ in refused])
            rows, score, tracks = rows.take(kept), score[kept], tracks[kept]
        owner = place[rows.file]
        sizes = np.array(
            [(item.width or 1, item.height or 1) for item in items], dtype=np.int64
        ).reshape(-1, 2)[owner]
        shapes = to_shapes(
            rows,
            sizes,
            task=task,
            keypoints=shape,
            own=self._layout.own,
            limits=self._context.limits,
        )
        spans = rows.spans.copy()
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
            attributes={
                row: {"track_id": int(tracks[row])} for row in np.flatnonzero(tracks >= 0).tolist()
            },
            origin=Origin(
                format="yolo",
                paths=paths,
                unit="line {}",
                number=rows.line,
                buffer=rows.buffer,
                spans=spans,
            ),
        )
        for row, code, message in shapes.mended:
            # The text is not that of the row any more.
            spans[row] = 0
            self._context.problems.repaired(code, message, **self._place(rows, row, entries))
        if shapes.bad:
            self._tell(rows, shapes.bad, entries)
            keep = np.ones(len(rows), dtype=np.bool_)
            keep[[row for row, _, _ in shapes.bad]] = False
            chunk = chunk.select(np.flatnonzero(keep))
        return chunk

    def _make_items(
        self, entries: list[Entry], filled: list[bool], dead: set[int]
    ) -> tuple[list[Item], NDArray[np.int64]]:
        """Return the items, and for each entry its place among them, -1 where it has none."""
        items: list[Item] = []
        place = np.full(len(entries), -1, dtype=np.int64)
        unknown: list[SizeUnknownError] = []
        for position, entry in enumerate(entries):
            if position in dead:
                continue
            try:
                item = self._items.make(entry, has_rows=filled[position])
            except SizeUnknownError as error:
                unknown.append(error)
                continue
            except (FormatError, OutputError) as error:
                self._bad_file(error)
                continue
            place[position] = len(items)
            items.append(item)
        if unknown and len(unknown) == sum(filled):
            # Not a missing image, but no images at all: one answer instead of thousands.
            raise unknown[0]
        for missing in unknown:
            self._bad_file(missing)
        return items, place

    def _extras(self, rows: Rows, shape: tuple[int, int] | None) -> tuple[Rows, Any, Any]:
        """Take confidences and track ids out where the user says that there are some."""
        full = None if shape is None else 4 + shape[0] * shape[1]
        return take_extras(rows, conf=self._conf, track=self._track, full=full)

    # -- telling ---------------------------------------------------------------------------

    @staticmethod
    def _place(rows: Rows, row: int, entries: list[Entry]) -> dict[str, Any]:
        entry = entries[int(rows.file[row])]
        return {"path": entry.label, "location": f"line {rows.line[row]}"}

    def _tell(self, rows: Rows, refused: Refused, entries: list[Entry]) -> None:
        for row, code, message in refused:
            self._context.problems.skipped(code, message, **self._place(rows, row, entries))

    def _leave_strays(self, entries: list[Entry], texts: list[bytes], rows: Rows) -> set[int]:
        """Leave out texts that are no label files: no image, and one word a line (class names)."""
        strays = set()
        for file in {fault.file for fault in rows.faults if fault.code == "type.id"}:
            if entries[file].guessed and all(len(line.split()) < 2 for line in _lines(texts[file])):
                strays.add(file)
                self._context.problems.notice(
                    "schema.unknown",
                    "is no label file: it has one word a line and no image; it is left out",
                    path=entries[file].label,
                )
        return strays

    def _tell_faults(self, entries: list[Entry], rows: Rows, dead: set[int]) -> None:
        """Tell what the parser found; files that are no text join those that are left out."""
        problems = self._context.problems
        strays = frozenset(dead)
        for fault in rows.faults:
            if fault.file in strays:
                continue
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
                    item = self._items.make(entry, has_rows=False)
                except (FormatError, OutputError) as error:
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


def _ignore(error: FormatError | OutputError) -> None:
    """Tell nothing: a first look at the rows, which are read again."""


def _lines(text: bytes) -> list[bytes]:
    return text.replace(b"\r", b"\n").split(b"\n")


def _portions(pairs: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
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
