"""Making a sidecar when a target is complete.

The source is written once more, in its own format (whose writer keeps everything) into a private
folder; the target is read back as anybody will read it. What goes into the sidecar are these
files and, for each row of the target, a digest of what it is and which record it stands for.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlgeom import _version
from dlgeom.chunk import Chunk
from dlgeom.converters import registry
from dlgeom.converters.base import ALL, Format, ReadContext, Reader
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.converters.report import Report
from dlgeom.converters.sidecar import sidecar_name
from dlgeom.converters.sidecar.container import MAGIC, VERSION, Entry, Header, Packer
from dlgeom.converters.sidecar.pairing import Key, extents, match_rows, pair_items
from dlgeom.converters.sidecar.rows import digests, fields_of_rows
from dlgeom.converters.sidecar.tracker import Tracker
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

if TYPE_CHECKING:
    from dlgeom.converters.pipeline import Target
    from dlgeom.converters.source import Source

__all__ = ["quiet_problems", "write_sidecar"]

COMMON = "dataloop"
"""Carrier of data sets that have no files: its records hold all that an annotation has."""


def quiet_problems() -> Problems:
    """Return where nobody listens: what is wrong has been told before."""
    return Problems(strict=False, listener=lambda _: None)


def write_sidecar(
    source: Source,
    target: Target,
    tracker: Tracker,
    *,
    task: str | None,
    subset: str | None,
    options: Mapping[str, Any],
    limits: Limits,
) -> None:
    """Write the sidecar of a target that is complete.

    Parameters
    ----------
    source : Source
        What was written; it is read once more.
    target : Target
        Where it was written to.
    tracker : Tracker
        What the target's writer was given.
    task : str, optional
        What was written.
    subset : str, optional
        Split in the target, where the source has none.
    options : mapping
        Options of the run.
    limits : Limits
        For reading the target back.
    """
    with tempfile.TemporaryDirectory(prefix="dlgeom-") as folder:
        carried = _Carried(Path(folder), source, limits)
        names = {o.name for o in target.format.options if o.use in ("read", "both")}
        given = {k: v for k, v in options.items() if k in names and v is not None}
        reading, _ = registry.check_options(target.format, None, given)
        header = Header(
            magic=MAGIC,
            version=VERSION,
            dlgeom=_version.__version__,
            source=source.reader.meta.format,
            target=target.format.name,
            carrier=carried.format.name,
            root=carried.root,
            options=given,
            subset=subset,
        )
        entries: list[Entry] = []
        context = ReadContext(problems=quiet_problems(), limits=limits, options=reading, task=task)
        try:
            reader = target.format.open(target.output.target, context)
        except FormatError:
            header.unreadable = True
        else:
            with _closing(reader):
                entries = _entries(reader)
                links = _Links(carried, tracker, subset, [(e.subset, e.name) for e in entries])
                links.fill(entries, reader)
                carried.leave_out(entries, reader)
                header.labels = [(label.name, label.id) for label in reader.meta.labels]
                header.names = links.names([name for name, _ in header.labels])
        with target.output.file(sidecar_name(target.output.name, single=target.output.single)) as f:
            packer = Packer(f, header)
            for name in _files(Path(folder)):
                packer.add_file(name, Path(folder) / name)
            for entry in entries:
                packer.add_entry(entry)
            packer.close()


@contextlib.contextmanager
def _closing(reader: Reader) -> Iterator[None]:
    try:
        yield
    finally:
        close = getattr(reader, "close", None)
        if callable(close):
            close()


def _files(folder: Path) -> list[str]:
    """Return the names of all files below a folder, in order."""
    found = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        relative = os.path.relpath(place, folder).replace(os.sep, "/")
        found += [name if relative == "." else f"{relative}/{name}" for name in names]
    return sorted(found)


class _Carried:
    """The source in files of its own format, and what their reader makes of them.

    Attributes
    ----------
    keys, counts : list
        Split and name, and number of rows, of each item.
    given : Tracker
        What the writer of the files was given.
    """

    def __init__(self, folder: Path, source: Source, limits: Limits) -> None:
        from dlgeom.converters import pipeline

        known = registry.formats()
        meta = source.reader.meta
        self.format: Format = known.get(meta.format, known[COMMON])
        alone = self.format.name == "coco" and not meta.subsets
        self.root = "annotations.json" if alone else ""
        self.given = Tracker()
        quiet = quiet_problems()
        with (
            source.problems.muted(),
            Output(folder / self.root, single=alone, overwrite=True) as output,
        ):
            pipeline.write_source(
                pipeline.Source(source.reader, quiet),
                pipeline.Target(self.format, output, Report(), measure=False),
                limits=limits,
                tracker=self.given,
            )
        self._path, self._limits = folder / self.root, limits
        self.keys: list[Key] = []
        self.counts: list[int] = []
        for chunk in self.chunks(frozenset()):
            self.keys += [(item.subset, item.name) for item in chunk.items]
            self.counts += np.bincount(chunk.item, minlength=len(chunk.items)).tolist()

    def _open(self) -> Reader:
        reading, _ = registry.check_options(self.format, None, {})
        context = ReadContext(problems=quiet_problems(), limits=self._limits, options=reading)
        return self.format.open(self._path, context)

    def chunks(self, needs: frozenset[str]) -> Iterator[Chunk]:
        """Yield what the files say, grouped by item."""
        reader = self._open()
        with _closing(reader):
            yield from reader.chunks(grouped=True, needs=needs)

    def leave_out(self, entries: list[Entry], target: Reader) -> None:
        """Leave out of the files what the target gives back; `chunks` is of no use then."""
        if self.format.name != "coco":
            return
        from dlgeom.converters.coco.reader import CocoReader
        from dlgeom.converters.sidecar.holes import make_holes

        reader = self._open()
        with _closing(reader):
            if isinstance(reader, CocoReader):
                make_holes(reader, entries, target)


def _entries(reader: Reader) -> list[Entry]:
    """Return the items of the target with their rows."""
    entries: list[Entry] = []
    for chunk in reader.chunks(grouped=True, needs=ALL):
        values = digests(chunk)
        told = fields_of_rows(chunk)
        labels = chunk.label.tolist()
        cuts = chunk.item_offsets.tolist()
        for index, item in enumerate(chunk.items):
            first, last = cuts[index], cuts[index + 1]
            entries.append(
                Entry(
                    name=item.name,
                    subset=item.subset,
                    width=item.width,
                    height=item.height,
                    rows=labels[first:last],
                    digests="".join([f"{value:08x}" for value in values[first:last]]),
                    fields={
                        str(row - first): told[row] for row in range(first, last) if row in told
                    },
                )
            )
    return entries


class _Links:
    """Which record of the carrier each row of the target stands for."""

    def __init__(
        self, carried: _Carried, tracker: Tracker, subset: str | None, keys: list[Key]
    ) -> None:
        self._carried = carried
        self._labels = tracker.labels
        numbers = list(tracker.items)
        given = [(split or subset, name) for split, name in tracker.items.values()]
        self._names = [name for _, name in given]
        self._numbers = numbers
        self._named = {name: k for k, (_, name) in enumerate(carried.keys)}
        self._of_entry = pair_items(keys, given)
        item, order, label = tracker.rows()
        place = {number: k for k, number in enumerate(numbers)}
        index = np.array([place[number] for number in item.tolist()], dtype=np.int64)
        sort = np.argsort(index, kind="stable")
        self._order, self._label = order[sort], label[sort]
        self._cuts = np.searchsorted(index[sort], np.arange(len(numbers) + 1))
        self._seen: dict[int, str] = {}
        self._place_records()

    def _place_records(self) -> None:
        """Find item and place in the carrier of each record, by its order in the source."""
        given = self._carried.given
        pairs = pair_items(list(given.items.values()), self._carried.keys)
        carrier = self._carrier = dict(zip(given.items, pairs, strict=True))
        item, order, _ = given.rows()
        sort = np.lexsort((order, item))
        item, order = item[sort], order[sort]
        starts = np.flatnonzero(np.diff(item, prepend=-(1 << 62)))
        sizes = np.diff(np.append(starts, len(item)))
        rank = np.arange(len(item)) - np.repeat(starts, sizes)
        owner = np.array([carrier[number] for number in item.tolist()], dtype=np.int64)
        # Where the files have more or fewer records of an item, places say nothing.
        counts = np.array([*self._carried.counts, -1], dtype=np.int64)
        good = np.repeat(counts[owner[starts]] == sizes, sizes) if len(starts) else owner < 0
        sort = np.argsort(order, kind="stable")
        self._orders = order[sort]
        self._owner = np.where(good, owner, -1)[sort]
        self._rank = rank[sort]

    def fill(self, entries: list[Entry], reader: Reader) -> None:
        """Set item, places and film of the entries."""
        unsure: list[int] = []
        for number, entry in enumerate(entries):
            given = self._of_entry[number]
            if given < 0:
                continue
            orders = self._order[self._cuts[given] : self._cuts[given + 1]]
            name = self._names[given]
            if not len(orders):
                entry.item = self._of_name(given)
                if entry.item < 0 and name and ".frame." in name:
                    entry.item = self._named.get(name.rpartition(".frame.")[0], -1)
                    entry.film = entry.item >= 0
                if entry.rows and entry.item >= 0:
                    unsure.append(number)
                continue
            at = np.searchsorted(self._orders, orders)
            at = np.minimum(at, len(self._orders) - 1)
            owners = np.where(self._orders[at] == orders, self._owner[at], -1)
            alone = bool((owners == owners[0]).all()) and owners[0] >= 0
            if alone and len(orders) == len(entry.rows):
                entry.item = int(owners[0])
                entry.film = self._carried.keys[entry.item][1] != name
                places = self._rank[at].tolist()
                entry.places = None if places == list(range(len(places))) else places
                labels = self._label[self._cuts[given] : self._cuts[given + 1]]
                self._note_labels(entry, labels.tolist())
                continue
            entry.item = self._of_name(given)
            if entry.item >= 0:
                unsure.append(number)
        if unsure:
            self._by_overlap(entries, unsure, reader)

    def _of_name(self, given: int) -> int:
        """Return the carrier's item of an item that was given to the writer, -1 for none."""
        number, name = self._numbers[given], self._names[given]
        known = self._carried.given.items.get(number)
        if known is not None and known[1] == name:
            return self._carrier[number]
        return self._named.get(name, -1)

    def _note_labels(self, entry: Entry, labels: list[int]) -> None:
        for mine, theirs in zip(entry.rows, labels, strict=True):
            if mine >= 0 and theirs >= 0 and mine not in self._seen:
                self._seen[mine] = self._labels[theirs].name

    def _by_overlap(self, entries: list[Entry], unsure: list[int], reader: Reader) -> None:
        """Find rows of items whose counts do not agree by what they cover."""
        due = {entries[number].item for number in unsure}
        theirs = dict(_boxes(self._carried.chunks(ALL), due))
        mine = dict(_boxes(reader.chunks(grouped=True, needs=ALL), set(unsure)))
        for number in unsure:
            boxes, labels = theirs[entries[number].item]
            own, own_labels = mine[number]
            match = match_rows(
                [(-1 - k, label) for k, label in enumerate(labels)],
                [(k, label) for k, label in enumerate(own_labels)],
                boxes,
                own,
            )
            entries[number].places = [
                place if place >= 0 else len(labels) + k for k, place in enumerate(match.before)
            ]

    def names(self, labels: list[str]) -> dict[str, str]:
        """Return the names of classes that are others in the source."""
        return {labels[k]: name for k, name in sorted(self._seen.items()) if labels[k] != name}


def _boxes(
    chunks: Iterator[Chunk], wanted: set[int]
) -> Iterator[tuple[int, tuple[NDArray[np.float64], list[str | None]]]]:
    """Yield place, boxes and labels of the items at some places of a grouped stream."""
    number = 0
    for chunk in chunks:
        cuts = chunk.item_offsets.tolist()
        for index in range(len(chunk.items)):
            if number in wanted:
                rows = np.arange(cuts[index], cuts[index + 1])
                labels = [
                    chunk.labels[k].name if k >= 0 else None for k in chunk.label[rows].tolist()
                ]
                yield number, (extents(chunk, rows), labels)
            number += 1
