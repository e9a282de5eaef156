"""The records of a long list, range by range: other processes may read some of them.

A range ends where a record seems to: before a ``},{`` with the list's first key. Its text is then
a list of whole records, or it cannot be decoded; and as the first range starts where the list
does, each range that can be decoded proves where the next one starts. One process cuts a list
at the same places as several do.
"""

from __future__ import annotations

import os
import re
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.read_columns import Block, Growing
from dlgeom.converters.coco.read_fast import ANNOTATIONS
from dlgeom.converters.coco.read_slow import SlowReader
from dlgeom.converters.coco.read_source import SourceFile
from dlgeom.converters.coco.scan import Scanner, Window
from dlgeom.converters.memory import gc_paused
from dlgeom.converters.problems import Entry, Problems
from dlgeom.errors import FormatError, OutputError
from dlgeom.limits import Limits

if TYPE_CHECKING:
    from dlgeom.converters.coco.read_index import FileIndex
    from dlgeom.converters.parallel.engine import Engine, Job

__all__ = ["OpenFile", "count_ranges", "is_long", "read_range", "read_records"]

STEP = 32 << 20
"""Bytes of a range: about 0.2 s of work."""

_LOOK = 1 << 20
_FIRST_KEY = re.compile(rb'\s*(\{\s*"[^"\\]{1,40}")')
_COMMA = re.compile(rb"\s*,")


class OpenFile(msgspec.Struct, frozen=True):
    """What another process needs to open a file, and to see that it is the same.

    Parameters
    ----------
    path, shown : str
        The file, and its name in messages.
    stamp : (int, int)
        Size and time of when it was opened here.
    """

    path: str
    shown: str
    stamp: tuple[int, int]

    @classmethod
    def of(cls, source: SourceFile) -> OpenFile | None:
        """Describe a file; None for one that was unpacked into a place of our own."""
        try:
            here = os.fstat(getattr(source, "_descriptor", -1))
            there = os.stat(source.path)
        except OSError:
            return None
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            return None
        path = os.path.abspath(source.path)
        return cls(path, source.shown, (there.st_size, there.st_mtime_ns))

    def open(self, limits: Limits) -> SourceFile:
        """Open the file.

        Raises
        ------
        OutputError
            ``io.read`` where it is not what it was.
        """
        source = SourceFile(Path(self.path), self.shown, limits)
        status = os.stat(self.path)
        if (status.st_size, status.st_mtime_ns) != self.stamp:
            source.close()
            raise OutputError(
                "was changed while it was read; nothing of it can be trusted. Run again",
                code="io.read",
                path=self.shown,
            )
        return source


class _Until:
    """A file that ends, with the bracket of a list, at some place."""

    def __init__(self, source: SourceFile, end: int) -> None:
        self.shown = source.shown
        self._source = source
        self._end = end

    def read(self, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`."""
        if start + length <= self._end:
            return self._source.read(start, length)
        return self._source.read(start, max(self._end - start, 0)) + b"]"[: start <= self._end]


def is_long(source: SourceFile) -> bool:
    """Whether a file may have lists of more than one range."""
    return source.size > 2 * STEP


def count_ranges(source: SourceFile) -> int:
    """Return about how many ranges a file has."""
    return source.size // STEP + 1


def _ranges(source: SourceFile, place: int) -> list[tuple[int, int]]:
    """Return start and stop of the ranges of the list at `place`; the last one has no stop (-1)."""
    starts, stops = [place + 1], []
    first = _FIRST_KEY.match(source.read(place + 1, 4096)) if is_long(source) else None
    if first is not None:
        boundary = re.compile(rb"\}\s*,\s*(?=" + re.escape(first.group(1)) + rb")")
        at = place + STEP
        while at < source.size - STEP // 2:
            found = boundary.search(source.read(at, _LOOK))
            if found is None:
                break
            stops.append(at + found.start() + 1)
            starts.append(at + found.end())
            at = max(at + STEP, at + found.end())
    return list(zip(starts, [*stops, -1], strict=True))


def read_records(index: FileIndex, place: int) -> None:
    """Read the records of the list at `place` into an index; its scanner is told where it ends."""
    ranges = _ranges(index.source, place)
    jobs = _Jobs(index, ranges)
    for number, (start, stop) in enumerate(ranges):
        found = jobs.result(number)
        if found is None:
            ended = _read_here(index, start, stop)
        else:
            ended = found.ended
            _take(index, found, stop - start)
        if index.context.alive is not None:
            index.context.alive()
        if ended >= 0:
            index._scanner.done(ended)
            return


class RangeOutcome(msgspec.Struct):
    """What is in a range: columns, windows, what was told of records, and where the list ended."""

    block: Block
    windows: list[tuple[int, int, int, int]]
    told: list[Entry]
    ended: int


class _Jobs:
    """Hands out ranges, a few ahead of the one that is due."""

    def __init__(self, index: FileIndex, ranges: list[tuple[int, int]]) -> None:
        self._index, self._ranges = index, ranges
        self._jobs: deque[Job] = deque()
        self._next = 0
        engine: Engine | None = index.context.engine
        self._engine = engine
        self._file = None
        if engine is not None and len(ranges) > 2:
            self._file = OpenFile.of(index.source)

    def result(self, number: int) -> RangeOutcome | None:
        """Return a range that another process has read; None if it is to be read here."""
        engine, file, index = self._engine, self._file, self._index
        if engine is None or file is None:
            return None
        while self._next < min(len(self._ranges), number + 2 * engine.workers + 1):
            start, stop = self._ranges[self._next]
            self._next += 1
            self._jobs.append(
                engine.submit(read_range, file, index.context.limits, start, stop, work=file.shown)
            )
        found: RangeOutcome | None = engine.result(self._jobs.popleft())
        return found


def _take(index: FileIndex, found: RangeOutcome, size: int) -> None:
    first = index._rows
    for entry in found.told:
        getattr(index.context.problems, entry.status)(
            entry.code,
            entry.message,
            path=entry.path,
            location=index.unit.format(first + int(entry.location or 0)),
            annotation_id=entry.annotation_id,
        )
    index._rows += len(found.block)
    index.windows += [(a + first, b + first, start, stop) for a, b, start, stop in found.windows]
    if len(found.block):
        index._columns.append(found.block, max(size, 1))


def _read_here(index: FileIndex, start: int, stop: int) -> int:
    """Read a range; return where the list ended, or -1 where it goes on."""
    if stop < 0:
        for rest in index._scanner.windows(start - 1, ANNOTATIONS):
            index._window(rest)
        return index._scanner._place
    end: Any = _Until(index.source, stop)
    scanner = Scanner(end, index.context.limits)
    windows = scanner.windows(start - 1, ANNOTATIONS)
    at = start
    window: Window | None
    while True:
        try:
            window = next(windows, None)
        except FormatError:
            # It ends inside of a record, or there is a fault: without an end it will show.
            comma = _COMMA.match(index.source.read(at, 4096)) if at > start else None
            return _read_here(index, at if comma is None else at + comma.end(), -1)
        if window is None:
            break
        index._window(window)
        at = window.start + len(window.text)
    return -1 if scanner._place == stop + 1 else scanner._place


def read_range(file: OpenFile, limits: Limits, start: int, stop: int) -> RangeOutcome | None:
    """Read a range (runs in a worker); None where it has a fault, or ends inside of a record."""
    from dlgeom.converters.coco.read_index import FileIndex, PanopticFileError

    class Range(FileIndex):
        """An index of some records, which are counted from 0."""

        unit = "{}"

        def __init__(self) -> None:
            problems = Problems(strict=False, listener=told.append)
            self.shown = file.shown
            self.context = ReadContext(problems=problems, limits=limits)
            self.windows = []
            self.results = False
            self._rows = 0
            self._columns = Growing(max(stop - start, STEP))
            self._slow = SlowReader(limits)

    told: list[Entry] = []
    source = file.open(limits)
    try:
        with gc_paused():
            index = Range()
            end: Any = source if stop < 0 else _Until(source, stop)
            scanner = Scanner(end, limits)
            for window in scanner.windows(start - 1, ANNOTATIONS):
                index._window(window)
            source.check_unchanged()
    except (FormatError, PanopticFileError):
        return None
    finally:
        source.close()
    ended = scanner._place
    return RangeOutcome(
        block=index._columns.block(),
        windows=index.windows,
        told=told,
        ended=-1 if stop >= 0 and ended == stop + 1 else ended,
    )
