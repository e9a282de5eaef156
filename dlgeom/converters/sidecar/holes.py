"""Holes in the files that a sidecar carries: outlines that the target gives back, digit by digit.

Where the text of an outline follows from the target's row, the carried file has an empty list in
its place, followed by blanks that are found again: the file stays a COCO file. An entry says which
rows fill holes, and in which form. What does not follow to the last byte stays in the file.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import Reader
from dlgeom.converters.coco.reader import CocoReader
from dlgeom.converters.sidecar.container import Entry, SidecarError
from dlgeom.converters.sidecar.outlines import IN_FILE, Texts, forms_of
from dlgeom.converters.sidecar.plan import Plan

__all__ = ["Holes", "make_holes"]

MARK = b"[]\t\r\t"
"""What is left of an outline: no text has tabs, and nobody writes such blanks."""

_BLOCK = 1 << 20
_SHAPES = frozenset({"outline"})
Ints = NDArray[np.int64]


class _Orders:
    """Places in the stream of the records of each item: the n-th of item k.

    Parameters
    ----------
    carrier : Reader
        Of the carried files.
    """

    def __init__(self, carrier: Reader) -> None:
        orders, counts, bounds = [], [], []
        for chunk in carrier.chunks(grouped=True, needs=frozenset()):
            orders.append(chunk.order)
            bounds.append(chunk.bounds)
            counts.append(np.bincount(chunk.item, minlength=len(chunk.items)))
        self.orders = np.concatenate([np.zeros(0, dtype=np.int64), *orders])
        self.bounds = np.concatenate([np.zeros((0, 4)), *bounds])
        self._cuts = np.cumsum(np.concatenate([[0], *counts])).tolist()

    def rows(self, entry: Entry) -> Ints:
        """Return for each row of an entry the position of its record in `orders`, -1 for none."""
        places = np.arange(len(entry.rows)) if entry.places is None else np.array(entry.places)
        if entry.item < 0 or entry.film or entry.item + 1 >= len(self._cuts):
            return np.full(len(places), -1, dtype=np.int64)
        first, last = self._cuts[entry.item], self._cuts[entry.item + 1]
        return np.where(places < last - first, first + places, -1).astype(np.int64)


# -- writing ---------------------------------------------------------------------------------


def make_holes(carrier: CocoReader, entries: Sequence[Entry], target: Reader) -> None:
    """Take the outlines out of carried files that a target gives back.

    Parameters
    ----------
    carrier : CocoReader
        Of the files, which are changed; it is of no use afterwards.
    entries : sequence of Entry
        Their `Entry.held` is set.
    target : Reader
        Of the target.
    """
    known = [found for found in carrier.outlines() if not _has_mark(found[0].path)]
    if not known:
        return
    order = np.concatenate([found[1] for found in known])
    start = np.concatenate([found[2] for found in known]).tolist()
    length = np.concatenate([found[3] for found in known]).tolist()
    owner = np.repeat(np.arange(len(known)), [len(found[1]) for found in known])
    sources = [found[0] for found in known]
    taken = np.zeros(len(order), dtype=np.bool_)
    records = _Orders(carrier)
    form = ""
    number = 0
    for chunk in target.chunks(grouped=True, needs=_SHAPES):
        texts = Texts(chunk.outline)
        drawn = chunk.outline.part_counts > 0
        cuts = chunk.item_offsets.tolist()
        for first, last in itertools.pairwise(cuts):
            entry = entries[number]
            number += 1
            at = records.rows(entry)
            wanted = np.where(at >= 0, records.orders[at], -1) if len(records.orders) else at
            places = np.minimum(np.searchsorted(order, wanted), max(len(order) - 1, 0))
            if not len(order) or last - first != len(wanted):
                continue
            good = drawn[first:last] & (order[places] == wanted)
            held = [IN_FILE] * len(wanted)
            for row in np.flatnonzero(good).tolist():
                place = int(places[row])
                if taken[place]:
                    continue
                text = sources[owner[place]].read(start[place], length[place])
                found = _form(texts, first + row, text, form)
                if found:
                    form = held[row] = found
                    taken[place] = True
            entry.held = "".join(held).rstrip(IN_FILE)
    for source, orders, starts, lengths in known:
        mine = taken[np.searchsorted(order, orders)]
        if mine.any():
            _cut(source.path, zip(starts[mine].tolist(), lengths[mine].tolist(), strict=True))


def _form(texts: Texts, row: int, text: bytes, last: str) -> str:
    """Return the form in which a row gives a text back, "" for none; `last` is tried first."""
    if last and texts.text(row, last) == text:
        return last
    for form in forms_of(text):
        if form != last and texts.text(row, form) == text:
            return form
    return ""


def _has_mark(path: Path) -> bool:
    rest = b""
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            if MARK in rest + block:
                return True
            rest = block[-len(MARK) :]
    return False


def _cut(path: Path, spans: Iterable[tuple[int, int]]) -> None:
    """Put marks in the place of spans of a file."""
    part = path.with_name(path.name + ".part")
    with open(path, "rb") as file, open(part, "wb") as out:
        done = 0
        for start, length in spans:
            out.write(file.read(start - done))
            out.write(MARK)
            done = start + length
            file.seek(done)
        while block := file.read(_BLOCK):
            out.write(block)
    os.replace(part, path)


# -- reading ---------------------------------------------------------------------------------


class Holes:
    """The holes of carried files, to be filled.

    Parameters
    ----------
    carrier : CocoReader
        Of the files.
    entries : sequence of Entry
        Those of the sidecar.

    Raises
    ------
    SidecarError
        Where the files have other holes than the entries say.
    """

    def __init__(self, carrier: CocoReader, entries: Sequence[Entry]) -> None:
        self._entries = entries
        records = self._records = _Orders(carrier)
        due = [records.rows(entry)[_held(entry)] for entry in entries if entry.held]
        places = np.concatenate([np.zeros(0, dtype=np.int64), *due])
        if len(places) and (places.min() < 0 or len(np.unique(places)) < len(places)):
            raise SidecarError("sidecar.invalid", "leaves out what is no record")
        # In the order of the files, as the holes are.
        sort = np.argsort(records.orders[places], kind="stable")
        self._orders = records.orders[places][sort]
        self._bounds = records.bounds[places][sort]
        self._files = [(path, first) for path, first in carrier.files() if path.suffix == ".json"]
        self._start = np.full(len(places), -1, dtype=np.int64)
        self._length = np.zeros(len(places), dtype=np.int64)

    def fill(self, target: Reader, plan: Plan) -> None:
        """Fill the holes from the rows of the target; rows that were changed have other shapes."""
        with tempfile.TemporaryFile() as spool:
            done = 0
            for number, rows, texts, first in self._rows(target, plan):
                entry = self._entries[number]
                places = np.searchsorted(
                    self._orders, self._records.orders[self._records.rows(entry)]
                ).tolist()
                for row, before in enumerate(rows):
                    form = entry.held[before : before + 1] if before >= 0 else ""
                    if form and form != IN_FILE:
                        text = texts.text(first + row, form)
                        spool.write(text)
                        self._start[places[before]] = done
                        self._length[places[before]] = len(text)
                        done += len(text)
            firsts = [first for _, first in self._files]
            cuts = np.searchsorted(self._orders, [*firsts[1:], np.iinfo(np.int64).max]).tolist()
            begin = 0
            for (path, _), end in zip(self._files, cuts, strict=True):
                _fill(path, (self._text(spool, k) for k in range(begin, end)))
                begin = end

    def _rows(self, target: Reader, plan: Plan) -> Iterator[tuple[int, Sequence[int], Texts, int]]:
        """Yield entry, old rows, texts and first row of the items that fill holes."""
        place = 0
        for chunk in target.chunks(grouped=True, needs=_SHAPES):
            texts = Texts(chunk.outline)
            cuts = chunk.item_offsets.tolist()
            for first, last in itertools.pairwise(cuts):
                number = plan.entries[place]
                if number >= 0 and self._entries[number].held:
                    same = plan.kept.get(place)
                    yield number, range(last - first) if same is None else same, texts, first
                place += 1

    def _text(self, spool: IO[bytes], hole: int) -> bytes:
        if self._start[hole] >= 0 and self._length[hole]:
            spool.seek(int(self._start[hole]))
            return spool.read(int(self._length[hole]))
        # The record is gone, or has another shape: what is read in its place has its bounds only.
        left, top, right, bottom = self._bounds[hole].tolist()
        middle = left + (right - left) / 2
        ring = [left, top, middle, top, right, top, right, bottom, left, bottom]
        return msgspec.json.encode([ring]) if left < middle < right and top < bottom else b"[]"


def _held(entry: Entry) -> Ints:
    return np.array([k for k, form in enumerate(entry.held) if form != IN_FILE], dtype=np.int64)


def _fill(path: Path, texts: Iterator[bytes]) -> None:
    """Put texts in the place of the marks of a file."""
    part = path.with_name(path.name + ".part")
    with open(path, "rb") as file, open(part, "wb") as out:
        rest = b""
        while block := file.read(_BLOCK):
            *pieces, rest = (rest + block).split(MARK)
            for piece in pieces:
                out.write(piece)
                text = next(texts, None)
                if text is None:
                    raise SidecarError("sidecar.invalid", "leaves out more than it says")
                out.write(text)
            # The beginning of a mark may be at the end.
            out.write(rest[: -len(MARK)])
            rest = rest[-len(MARK) :]
        out.write(rest)
    if next(texts, None) is not None:
        raise SidecarError("sidecar.invalid", "leaves out less than it says")
    os.replace(part, path)
