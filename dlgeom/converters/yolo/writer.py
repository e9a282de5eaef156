"""The YOLO writer: label files, ``images.csv`` and the class file of a layout."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import KEYPOINTS, OTHER, OUTLINE, ROTATED, RUNS, Chunk
from dlgeom.converters.base import Losses, WriteContext, Writer
from dlgeom.converters.fields import count_fields
from dlgeom.converters.image_files import ImageCopier
from dlgeom.converters.inputs import check_size
from dlgeom.converters.lower_to import Nearest
from dlgeom.converters.yolo.options import WRITE_OPTIONS
from dlgeom.converters.yolo.write_boxes import detect_table, pose_table
from dlgeom.converters.yolo.write_classify import ClassifyWriter
from dlgeom.converters.yolo.write_far import far_rows
from dlgeom.converters.yolo.write_files import (
    CSV_HEADER,
    NamerState,
    csv_line,
    plain_csv_lines,
)
from dlgeom.converters.yolo.write_layout import DarknetLayout, Layout, UltralyticsLayout
from dlgeom.converters.yolo.write_losses import Ledger
from dlgeom.converters.yolo.write_obb import obb_table
from dlgeom.converters.yolo.write_segments import segment_table
from dlgeom.converters.yolo.write_table import Scale, Settings, Table
from dlgeom.errors import FormatError, UsageError
from dlgeom.geometry.ragged import Rings, offsets_of
from dlgeom.item import Item

if TYPE_CHECKING:
    from dlgeom.converters.parallel.emit import Gathered

__all__ = ["WRITE_OPTIONS", "YoloWriter", "create_writer"]


NEEDS = {
    "detect": frozenset({"extra"}),
    "segment": frozenset({"extra", "outline", "runs"}),
    "pose": frozenset({"extra", "keypoints"}),
    "obb": frozenset({"extra", "outline", "runs"}),
}
NEAREST = {
    "detect": Nearest(shape="box", lines=True),
    "segment": Nearest(shape="outline"),
    "pose": Nearest(shape="box", points=True),
    "obb": Nearest(shape="rotated"),
}
_NUMBERS = re.compile(rb"[0-9]+(?:[ \t]+[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)+")

Ints = NDArray[np.int64]


def create_writer(context: WriteContext) -> Writer:
    """Return a writer for the task of the context.

    Raises
    ------
    UsageError
        For an unknown task, or options that do not fit.
    """
    task = context.task or "detect"
    if task == "classify":
        if context.options.get("yolo_layout") == "darknet":
            raise UsageError("darknet's layout has no task 'classify'. Use --task detect")
        return ClassifyWriter(context)
    if task not in NEEDS:
        known = ", ".join([*NEEDS, "classify"])
        raise UsageError(f"YOLO has no task {task!r}; it has {known}")
    return YoloWriter(context, task)


class YoloWriter:
    """Writes label files as the stream goes; see `create_writer`."""

    grouped = True
    sized = "rows"
    holds: frozenset[str] = frozenset()

    def __init__(self, context: WriteContext, task: str) -> None:
        self.needs, self.nearest = NEEDS[task], NEAREST[task]
        darknet = context.options.get("yolo_layout") == "darknet"
        kind = DarknetLayout if darknet else UltralyticsLayout
        self._layout: Layout = kind(context, task)
        self.label_fields = self._layout.label_fields
        self._context = context
        self._task = task
        self._problems = context.problems
        self._settings = Settings.of(
            context.options, measure=context.measure, limits=context.limits
        )
        self._copier: ImageCopier | None = None
        if context.image_files != "none":
            self._copier = ImageCopier(
                context.output, context.meta.images_root, context.image_files, context.problems
            )
        self._csv = context.output.open("images.csv")
        self._csv.write(CSV_HEADER)
        self._pose: tuple[int, int] | None = None

    def write(self, chunk: Chunk) -> Losses:
        """Write the label files of a chunk's items.

        Raises
        ------
        FormatError
            ``image.size`` where a row's image has no known size, ``path.*`` for bad names.
        """
        ledger = Ledger(len(chunk))
        self._refuse_rows(chunk, ledger)
        ledger.drop(far_rows(chunk, self._context.limits), "geometry.outside_image")
        raw = self._unchanged(chunk, ledger)
        work = np.flatnonzero(ledger.alive)
        if raw:
            work = work[[not raw[row] for row in work.tolist()]]
        text, offsets, replaced = self._format(chunk, work, ledger)
        self._write_files(chunk, text, offsets, raw)
        losses = ledger.losses()
        losses.replaced = replaced
        kept = {"bbox"} if self._task in ("detect", "pose") else set()
        if self._settings.score_last:
            kept.add("score")
        losses.fields = count_fields(chunk, kept=frozenset(kept), rows=ledger.alive)
        return losses

    def _refuse_rows(self, chunk: Chunk, ledger: Ledger) -> None:
        """Drop rows that no task can hold."""
        for row, annotation in chunk.others.items():
            kind = type(annotation.annotation_definition).__name__
            code = {
                "Classification": "shape.classification",
                "Description": "shape.text",
                "Subtitle": "shape.text",
                "Point": "shape.point",
            }.get(kind, "geometry.none")
            if not int(chunk.shapes[row]) & ~OTHER:
                ledger.drop(np.array([row]), code)
        ledger.drop(chunk.label < 0, "ref.category")
        if self._settings.drop_crowd:
            ledger.drop(chunk.crowd, "option.crowd")
        ledger.drop(chunk.shapes == 0, "geometry.none")

    def _unchanged(self, chunk: Chunk, ledger: Ledger) -> list[bytes]:
        """Return the text of rows that a YOLO source has just so, b"" for the others."""
        settings = self._settings
        origin = chunk.origin
        asked = settings.decimals is not None or settings.fill_holes or settings.clip
        if origin.format != "yolo" or origin.spans is None or asked or settings.score_last:
            return []
        source = self._context.meta.extra.get("task", self._task)
        if source != self._task:
            return []
        alive = ledger.alive.tolist()
        labels, shapes = chunk.label.tolist(), chunk.shapes.tolist()
        rows = []
        for row in range(len(chunk)):
            text = origin.raw(row).strip() if alive[row] else b""
            if not text or not _NUMBERS.fullmatch(text):
                rows.append(b"")
                continue
            tokens = text.split()
            if not self._fits(len(tokens), shapes[row], chunk):
                rows.append(b"")
                continue
            if int(tokens[0]) != labels[row]:
                # The class may have another number here; its shape is what it was.
                text = b"%d" % labels[row] + text[len(tokens[0]) :]
            rows.append(text + b"\n")
        return rows

    def _fits(self, tokens: int, shapes: int, chunk: Chunk) -> bool:
        """Whether a source row of so many fields is a row of this task."""
        if self._task == "detect":
            return tokens == 5 and not shapes & (OUTLINE | RUNS | KEYPOINTS | ROTATED)
        if self._task == "segment":
            return tokens >= 7 and tokens % 2 == 1 and bool(shapes & OUTLINE)
        if self._task == "pose":
            count, each = self._pose_shape(chunk)
            return tokens == 5 + each * count and bool(shapes & KEYPOINTS)
        return tokens == 9 and bool(shapes & (ROTATED | OUTLINE))

    def _format(
        self, chunk: Chunk, work: NDArray[np.intp], ledger: Ledger
    ) -> tuple[bytes, Ints, Rings | None]:
        """Return the text of the rows to write, and N + 1 offsets into it."""
        if not len(work):
            return b"", np.zeros(len(chunk) + 1, dtype=np.int64), None
        whole = len(work) == len(chunk)
        some = chunk if whole else chunk.select(work)
        sizes = some.sizes
        self._refuse_unknown_sizes(some, sizes)
        scale = Scale(sizes, self._settings.decimals)
        entries = Ledger(len(some))
        table = self._table(some, sizes, scale, entries)
        if self._settings.score_last:
            table.append(np.where(np.isnan(some.score), 1.0, some.score), entries.alive)
        text, offsets = table.text(some.label, entries.alive)
        ledger.put(work, entries)
        replaced = table.replaced
        if whole:
            return text, offsets, replaced
        lengths = np.zeros(len(chunk), dtype=np.int64)
        lengths[work] = np.diff(offsets)
        if replaced is not None:
            place = np.full(len(chunk), len(work))
            place[work] = np.arange(len(work))
            replaced = Rings.concat([replaced, Rings.empty(1)]).take(place)
        return text, offsets_of(lengths), replaced

    def _table(self, chunk: Chunk, sizes: Ints, scale: Scale, ledger: Ledger) -> Table:
        if self._task == "segment":
            return segment_table(chunk, sizes, scale, ledger, self._settings)
        rest = (chunk, sizes, scale, ledger, self._settings, self._problems)
        if self._task == "pose":
            return pose_table(*rest, self._pose_shape(chunk))
        tables: dict[str, Callable[..., Table]] = {"detect": detect_table, "obb": obb_table}
        return tables[self._task](*rest)

    def _refuse_unknown_sizes(self, chunk: Chunk, sizes: Ints) -> None:
        unknown = np.flatnonzero((sizes <= 0).any(axis=1))
        if len(unknown):
            row = int(unknown[0])
            name = chunk.items[int(chunk.item[row])].name
            raise FormatError(
                f"image {name!r} has no known size; YOLO numbers are fractions of it. "
                "Name the folder of the images with --images",
                code="image.size",
                **chunk.where(row),
            )

    def _pose_shape(self, chunk: Chunk | None = None) -> tuple[int, int]:
        """Return ``kpt_shape``: settled by the classes, or by the first rows for all files."""
        if self._pose is not None:
            return self._pose
        meta, count, each = self._context.meta, 0, 3
        shape = meta.extra.get("kpt_shape")
        if isinstance(shape, (list, tuple)) and len(shape) == 2 and isinstance(shape[0], int):
            count = shape[0]
            each = 2 if meta.format == "yolo" and shape[1] == 2 else 3
        labels = meta.labels if chunk is None else chunk.labels
        count = max(count, *(len(label.keypoints) for label in labels), 0)
        if not count and chunk is not None:
            count = int(chunk.keypoints.lengths.max(initial=0))
            if not count:
                raise FormatError(
                    "no class names keypoints and the first images have none; all poses have the "
                    "same number of keypoints. Name them in the categories, or use --task detect",
                    code="schema.names",
                )
        if count:
            self._pose = count, each
        return count, each

    def _write_files(self, chunk: Chunk, text: bytes, offsets: Ints, raw: list[bytes]) -> None:
        """Write one label file for each item, empty where it has no rows."""
        ends = chunk.item_offsets
        bounds = offsets[ends].tolist()
        if not raw and self._copier is None and isinstance(self._layout, UltralyticsLayout):
            places = self._layout.namer.plain_places(chunk.items)
            if places is not None:
                self._write_plain(chunk.items, places, text, bounds)
                return
        rows = ends.tolist()
        at = offsets.tolist() if raw else []
        layout, output = self._layout, self._context.output
        place, limits = layout.namer.place, self._context.limits
        lines: list[str] = []
        for index, item in enumerate(chunk.items):
            where = place(item)
            if raw:
                content = b"".join(
                    raw[row] or text[at[row] : at[row + 1]]
                    for row in range(rows[index], rows[index + 1])
                )
            else:
                content = text[bounds[index] : bounds[index + 1]]
            name = layout.label(where)
            check_size(content, limits, name)
            output.write(name, content)
            lines.append(csv_line(name, item))
            layout.add(item, where)
            if self._copier is not None:
                self._copier.put(item, layout.image(where))
        self._csv.write("".join(lines).encode("utf-8", "replace"))

    def _write_plain(
        self, items: Sequence[Item], places: list[str], text: bytes, bounds: list[int]
    ) -> None:
        """Write the label files of items whose places need no further look: nearly all chunks."""
        limits = self._context.limits
        names = [f"labels/{place}.txt" for place in places]
        if len(text) > limits.label_bytes:
            for name, start, stop in zip(names, bounds, bounds[1:], strict=False):
                check_size(text[start:stop], limits, name)
        contents = (text[start:stop] for start, stop in itertools.pairwise(bounds))
        self._context.output.write_many(names, contents)
        self._csv.write(plain_csv_lines(names, items).encode())

    # -- in parts --------------------------------------------------------------------------

    @property
    def divisible(self) -> bool:
        """Whether other processes may write parts: nothing is settled by the first rows."""
        if not isinstance(self._layout, UltralyticsLayout):
            return False
        return self._task != "pose" or self._pose_shape()[0] > 0

    def state(self) -> NamerState:
        """Return what the writer of a part knows at its end."""
        return self._layout.namer.state()

    def absorb(self, state: NamerState, gathered: Gathered) -> bool:
        """Take what a part has written; False where it might have been written otherwise here."""
        if not self._layout.namer.merge(state):
            return False
        self._csv.write(gathered.pieces["images.csv"].removeprefix(CSV_HEADER))
        return True

    # -- the end ---------------------------------------------------------------------------

    def finish(self) -> None:
        """Write the class file and close ``images.csv``."""
        self._csv.close()
        labels = self._context.meta.labels
        seen: set[str] = set()
        for label in labels:
            if label.name in seen:
                self._problems.notice(
                    "ref.duplicate_name",
                    f"class {label.name!r} is named twice; the classes stay apart by their index",
                )
            seen.add(label.name)
        shape = self._pose_shape() if self._task == "pose" else (0, 0)
        self._layout.finish(shape if shape[0] else None)
