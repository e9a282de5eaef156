"""The index of one annotation file: everything that one pass over it can tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.read_categories import CATEGORIES, read_categories
from dlgeom.converters.coco.read_columns import (
    DEAD,
    Block,
    Column,
    Growing,
    Row,
    block_of,
    id_list,
)
from dlgeom.converters.coco.read_fast import ANNOTATIONS, read_window
from dlgeom.converters.coco.read_images import IMAGES, ImageFinder, ImageTable, read_images
from dlgeom.converters.coco.read_json import checked_json, placed
from dlgeom.converters.coco.read_ranges import count_ranges, is_long, read_records
from dlgeom.converters.coco.read_shapes import FaultError
from dlgeom.converters.coco.read_slow import SlowReader
from dlgeom.converters.coco.read_source import SourceFile
from dlgeom.converters.coco.read_spill import Spill
from dlgeom.converters.coco.scan import Scanner, Window, record_spans
from dlgeom.errors import FormatError
from dlgeom.labels import Label

__all__ = ["FileIndex", "PanopticFileError"]


class PanopticFileError(Exception):
    """The file is a panoptic one; another reader takes it."""


def _holds_segments(window: Window) -> bool:
    """Whether the first record of a file is a picture with segments."""
    end = window.text.find(b"}") + (64 << 10)
    return b'"segments_info"' in window.text[: max(end, 64 << 10)] and not window.text.startswith(
        b'{"segmentation"'
    )


class FileIndex:
    """One file read once.

    Attributes
    ----------
    source : SourceFile
    images : ImageTable
    labels : list of Label, or None
        None where there is no ``categories`` key.
    records : Block or Spill
        Columns of all records, on disk where they outgrow their share; those that were left out
        have the bit `DEAD`.
    windows : list of (int, int, int, int)
        First and last-plus-one row, start and stop in the file.
    sections : dict of str to bytes
        Root keys, see `Scanner`.
    results : bool
        Whether the root is a list.
    """

    def __init__(self, path: Path, shown: str, context: ReadContext, finder: ImageFinder) -> None:
        self.shown = shown
        self.context = context
        self.finder = finder
        self.images = ImageTable()
        self.labels: list[Label] | None = None
        self.windows: list[tuple[int, int, int, int]] = []
        self.results = False
        self.has_images = False
        self.has_annotations = False
        self._rows = 0
        self.source = SourceFile(path, shown, context.limits)
        self._columns = Growing(self.source.size, context.limits.index_bytes)
        self._scanner = Scanner(self.source, context.limits)
        self._slow = SlowReader(context.limits)
        if self.source.note:
            context.problems.notice(self.source.note, "is UTF-16; JSON files are UTF-8", path=shown)
        try:
            self._scan()
        except BaseException:
            self.source.close()
            raise
        self.sections = self._scanner.sections
        self.records: Block | Spill = self._columns.records()
        del self._columns

    @property
    def unit(self) -> str:
        """How a record's place is told."""
        return "[{}]" if self.results else "annotations[{}]"

    def _scan(self) -> None:
        mark = self._scanner.first()
        if self.context.engine is not None and is_long(self.source):
            self.context.engine.warm(count_ranges(self.source))
        if mark == b"{":
            self._object()
        elif mark == b"[":
            self._list()
        else:
            self._scanner.value(self._scanner.list_root())
            raise self._no_root("the root is no object")

    def _no_root(self, what: str) -> FormatError:
        return FormatError(
            f"{what}; a COCO file is one object with images, annotations and categories, "
            "or a list of results. Is it another format?",
            code="schema.root",
            path=self.shown,
        )

    def _object(self) -> None:
        scanner = self._scanner
        for key, place in scanner.keys():  # noqa: SIM118 - no mapping
            listed = scanner.source.read(place, 1) == b"["
            if key == "images" and listed:
                self.has_images = True
                self.images = read_images(
                    scanner, scanner.windows(place, IMAGES), self.context, self.finder
                )
            elif key == "categories" and listed:
                self.labels = read_categories(
                    scanner, scanner.windows(place, CATEGORIES), self.context
                )
            elif key == "annotations" and listed:
                self.has_annotations = True
                read_records(self, place)
            else:
                raw, stop = scanner.value(place)
                if key in ("images", "annotations", "categories"):
                    raise FormatError(
                        f"{key} is {raw[:20].decode(errors='replace')}; it is a list. Correct it",
                        code="schema.type",
                        path=self.shown,
                        location=key,
                    )
                try:
                    checked_json(raw, self.context.limits.depth)
                except FormatError as error:
                    raise placed(error, self.shown, key) from error
                scanner.sections[key] = raw
                scanner.done(stop)

    def _list(self) -> None:
        """Read a bare list: results of a detector."""
        scanner = self._scanner
        place = scanner.list_root()
        self.results = True
        self._slow = SlowReader(self.context.limits, results=True)
        first = True
        for window in scanner.windows(place, ANNOTATIONS):
            if first and not self._looks_like_results(window):
                raise self._no_root("the root is a list, but not of results")
            first = False
            self._window(window)
        scanner.finish_list()
        if not self._rows:
            raise self._no_root("the root is an empty list")
        self.has_annotations = True

    def _looks_like_results(self, window: Window) -> bool:
        head = window.text[:4096]
        if window.spans:
            head = window.text[window.spans[0][0] : window.spans[0][1]]
        return b'"image_id"' in head

    def _window(self, window: Window) -> None:
        if not self._rows and _holds_segments(window):
            raise PanopticFileError(self.shown)
        fast = read_window(window, self.context.limits, results=self.results)
        if fast is None:
            spans = window.spans
            if spans is None:
                spans = record_spans(window.text, len(window.rows or ()), self.context.limits.depth)
            table = np.array(spans, dtype=np.int64).reshape(-1, 2)
            rows = [
                self._slow_row(window.text[start:stop], self._rows + k)
                for k, (start, stop) in enumerate(spans)
            ]
            block = block_of(rows, table[:, 0] + window.start, table[:, 1] - table[:, 0])
        else:
            block = fast.block
            if fast.slow:
                self._patch(block, fast.slow, window)
        first, self._rows = self._rows, self._rows + len(block)
        self.windows.append((first, self._rows, window.start, window.start + len(window.text)))
        self._columns.append(block, len(window.text))

    def _slow_row(self, raw: bytes, number: int) -> Row:
        place: dict[str, Any] = {"path": self.shown, "location": self.unit.format(number)}
        try:
            row = self._slow.read(raw)
        except FaultError as fault:
            self.context.problems.skipped(
                fault.code, str(fault), annotation_id=_id_of(raw), **place
            )
            return Row(flags=DEAD)
        except FormatError as error:
            raise placed(error, **place) from error
        for status, code, why in self._slow.notes:
            getattr(self.context.problems, status)(code, why, annotation_id=row.id, **place)
        return row

    def _patch(self, block: Block, slow: list[int], window: Window) -> None:
        """Replace the rows that have to be read slowly."""
        rows: list[Row] = []
        for index in slow:
            start = int(block.start[index]) - window.start
            raw = window.text[start : start + int(block.length[index])]
            rows.append(self._slow_row(raw, self._rows + index))
        index_of = np.array(slow, dtype=np.int64)
        fresh = block_of(rows, block.start[index_of], block.length[index_of])
        for name in ("box", "area", "flags", "part_start", "part_length"):
            getattr(block, name)[index_of] = getattr(fresh, name)
        if fresh.score is not None and block.score is not None:
            block.score[index_of] = fresh.score
        for name in ("image", "category", "id"):
            setattr(block, name, _with(getattr(block, name), index_of, getattr(fresh, name)))
        block.rotated.update({slow[k]: value for k, value in fresh.rotated.items()})
        keep = ~np.isin(block.mask_rows, index_of)
        block.mask_rows = np.concatenate([block.mask_rows[keep], index_of[fresh.mask_rows]])
        block.mask_sizes = np.concatenate([block.mask_sizes[keep], fresh.mask_sizes])
        keep = ~np.isin(block.pose_rows, index_of)
        block.pose_rows = np.concatenate([block.pose_rows[keep], index_of[fresh.pose_rows]])
        block.pose_counts = np.concatenate([block.pose_counts[keep], fresh.pose_counts])


def _id_of(raw: bytes) -> Any:
    """Return the id of a record that cannot be read, where it can be told."""
    try:
        record = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        found = msgspec.json.decode(record["id"])
    except (KeyError, RecursionError):
        return None
    except msgspec.DecodeError:
        try:
            found = json.loads(raw)["id"]  # takes NaN and Infinity
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
    return found if type(found) in (int, str) else None


def _with(column: Column, rows: NDArray[np.int64], values: Column) -> Column:
    if isinstance(column, np.ndarray) and isinstance(values, np.ndarray):
        column[rows] = values
        return column
    mixed = id_list(column)
    for row, value in zip(rows.tolist(), id_list(values), strict=True):
        mixed[row] = value
    return mixed
