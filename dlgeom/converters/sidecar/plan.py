"""What was done to a target since its sidecar was written: found by comparing it row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
from dlgeom.converters.base import ALL, Reader
from dlgeom.converters.sidecar.container import Entry, Header, SidecarError
from dlgeom.converters.sidecar.pairing import extents, match_rows, pair_items
from dlgeom.converters.sidecar.rows import digests, fields_of_rows
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["Edit", "Plan", "compare"]

Rows = list[tuple[int, str | None]]


class Edit(msgspec.Struct):
    """What has to change in a record.

    Parameters
    ----------
    label : str, optional
        Its new label, "" for none; None if it stays.
    shapes : Annotation, optional
        The record as the target has it now, whose shapes it gets; None if they stay.
    fields : dict
        Fields that somebody set in the target, as `fields_of_rows` names them; None for those
        that were removed.
    """

    label: str | None = None
    shapes: Annotation | None = None
    fields: dict[str, Any] = msgspec.field(default_factory=dict)


class Plan:
    """What has to change in what the sidecar holds.

    Attributes
    ----------
    edits : dict of (int, int) to Edit
        Item and place of a record -> what changed.
    gone : set of (int, int)
        Records whose rows were deleted.
    gone_items : set of int
        Items that were deleted.
    items : dict of int to dict
        Item -> fields of it that changed.
    added : dict of int to list of Annotation
        Item -> new rows.
    new_items : list of (Item, list of Annotation)
        New items.
    renamed : dict of str to str
        Names of classes that were changed for all, by their names in the source.
    entries : list of int
        For each item of the target as it is now its entry, -1 for none.
    kept : dict of int to list of int
        For items of the target that were changed: the old row of each row with the same shapes,
        -1 for the others.
    videos : int
        How many videos are given up for their frames, of which some were changed.
    """

    def __init__(self) -> None:
        self.edits: dict[tuple[int, int], Edit] = {}
        self.gone: set[tuple[int, int]] = set()
        self.gone_items: set[int] = set()
        self.items: dict[int, dict[str, Any]] = {}
        self.added: dict[int, list[Annotation]] = {}
        self.new_items: list[tuple[Item, list[Annotation]]] = []
        self.renamed: dict[str, str] = {}
        self.entries: list[int] = []
        self.kept: dict[int, list[int]] = {}
        self.videos = 0

    @property
    def empty(self) -> bool:
        """Whether nothing has changed."""
        return not (
            self.edits
            or self.gone
            or self.gone_items
            or any("name" in change or "width" in change for change in self.items.values())
            or self.added
            or self.new_items
            or self.renamed
        )


def compare(
    header: Header,
    entries: Sequence[Entry],
    reader: Reader,
    carried: Callable[[], Iterator[Chunk]],
    count: int,
) -> Plan:
    """Compare a target with what its sidecar says of it.

    Parameters
    ----------
    header, entries
        The sidecar.
    reader : Reader
        Of the target as it is now; read once.
    carried : callable
        Yields the sidecar's own records, grouped; asked where rows were changed.
    count : int
        How many items the sidecar holds.

    Raises
    ------
    SidecarError
        If the sidecar is not that of the target.
    """
    if any(entry.item >= count for entry in entries):
        raise SidecarError("sidecar.invalid", "names items that it does not hold")
    return _Comparison(header, entries, reader, carried).plan


class _Now(msgspec.Struct):
    """An item of the target as it is now, kept where it is not what it was."""

    item: Item
    rows: Rows
    fields: dict[int, dict[str, Any]]
    boxes: NDArray[np.float64]
    annotations: list[Annotation]


class _Comparison:
    def __init__(
        self,
        header: Header,
        entries: Sequence[Entry],
        reader: Reader,
        carried: Callable[[], Iterator[Chunk]],
    ) -> None:
        self.plan = Plan()
        self._header, self._entries = header, entries
        self._labels = [name for name, _ in header.labels]
        self._renames = _renamed_classes(header, reader.meta.labels)
        for old, new in self._renames.items():
            self.plan.renamed[header.names.get(old, old)] = new
        self._carried = carried
        self._read(reader)
        self._films(reader)
        self._settle()

    # -- the target as it is now -----------------------------------------------------------

    def _read(self, reader: Reader) -> None:
        """Find each item of the target in the sidecar; keep those that differ."""
        keys: list[tuple[str | None, str | None]] = []
        facts: list[tuple[int | None, int | None, str | None]] = []
        told: list[tuple[str, list[int]]] = []
        names: list[str | None] = []
        kept: dict[int, _Now] = {}
        known = _by_key(self._entries)
        seen: dict[tuple[str | None, str | None], int] = {}
        for chunk in reader.chunks(grouped=True, needs=ALL):
            names = [label.name for label in chunk.labels]
            values, fields = digests(chunk), fields_of_rows(chunk)
            labels, cuts = chunk.label.tolist(), chunk.item_offsets.tolist()
            for index, item in enumerate(chunk.items):
                first, last = cuts[index], cuts[index + 1]
                key = (item.subset, item.name)
                text = "".join([f"{value:08x}" for value in values[first:last]])
                listed = known.get(key, ())
                nth = seen.get(key, 0)
                seen[key] = nth + 1
                entry = self._entries[listed[nth]] if nth < len(listed) else None
                place = len(keys)
                keys.append(key)
                facts.append((item.width, item.height, item.file))
                told.append((text, labels[first:last]))
                rows = [
                    (values[row], names[labels[row]] if labels[row] >= 0 else None)
                    for row in range(first, last)
                ]
                mine = {row - first: fields[row] for row in range(first, last) if row in fields}
                if entry is None or not self._same(entry, text, rows, mine):
                    kept[place] = _Now(
                        item,
                        rows,
                        mine,
                        extents(chunk, np.arange(first, last)),
                        [chunk.annotation(row) for row in range(first, last)],
                    )
        self._kept = kept
        self._pair(keys, told)
        self.plan.entries = self._of
        self.plan.kept = {place: [] for place in kept}
        for place, number in enumerate(self._of):
            if number < 0:
                now = kept.get(place)
                if now is not None:
                    self.plan.new_items.append((now.item, now.annotations))
                continue
            self._note_item(self._entries[number], keys[place], facts[place])

    def _same(self, entry: Entry, text: str, rows: Rows, fields: dict[int, dict[str, Any]]) -> bool:
        if (
            text != entry.digests
            or {str(row): told for row, told in fields.items()} != entry.fields
        ):
            return False
        return [label for _, label in rows] == self._old_labels(entry)

    def _old_labels(self, entry: Entry) -> list[str | None]:
        """Return the labels that the rows had, under the names that classes have now."""
        found = [self._labels[k] if k >= 0 else None for k in entry.rows]
        return [None if name is None else self._renames.get(name, name) for name in found]

    def _pair(
        self, keys: list[tuple[str | None, str | None]], told: list[tuple[str, list[int]]]
    ) -> None:
        """Find the entry of each item: by its name; where that is new, by its rows."""
        entries = self._entries
        self._of = pair_items(keys, [(e.subset, e.name) for e in entries], guess=False)
        free = set(range(len(entries))) - set(self._of)
        matched = len(entries) - len(free)
        by_rows: dict[str, list[int]] = {}
        for number in sorted(free, reverse=True):
            if entries[number].digests:
                by_rows.setdefault(entries[number].digests, []).append(number)
        for place, number in enumerate(self._of):
            if number < 0 and (listed := by_rows.get(told[place][0])):
                self._of[place] = listed.pop()
                free.discard(self._of[place])
                matched += 1
        if entries and keys and 2 * matched < len(keys) and 2 * matched < len(entries):
            raise SidecarError(
                "sidecar.mismatch",
                f"knows {matched} of {len(keys)} images; it belongs to other annotations",
            )
        self._free = free

    def _note_item(
        self,
        entry: Entry,
        key: tuple[str | None, str | None],
        facts: tuple[int | None, int | None, str | None],
    ) -> None:
        if entry.item < 0 or entry.film:
            return
        change: dict[str, Any] = {}
        if key[1] != entry.name:
            change["name"] = key[1]
        if key[0] != entry.subset:
            change["subset"] = key[0]
        if facts[:2] != (entry.width, entry.height):
            change["width"], change["height"] = facts[:2]
        if facts[2] is not None:
            change["file"] = facts[2]
        if change:
            self.plan.items[entry.item] = change

    # -- items of the sidecar that are not items of the target ---------------------------------

    def _films(self, reader: Reader) -> None:
        """Give up the videos of which a frame was changed: the frames are what counts then."""
        place_of = {number: place for place, number in enumerate(self._of) if number >= 0}
        touched: set[int] = set()
        for number, entry in enumerate(self._entries):
            place = place_of.get(number)
            changed = place is None or place in self._kept
            if entry.item < 0 and changed:
                raise SidecarError(
                    "sidecar.mismatch",
                    f"cannot tell which records {entry.name!r:.80} has, which was changed",
                )
            if entry.film and changed:
                touched.add(entry.item)
        if not touched:
            return
        self.plan.gone_items |= touched
        self.plan.videos = len(touched)
        place = 0
        for chunk in reader.chunks(grouped=True, needs=ALL):
            for item, found in chunk.pairs():
                number = self._of[place]
                place += 1
                entry = self._entries[number]
                if number >= 0 and entry.film and entry.item in touched:
                    self.plan.new_items.append((item, list(found)))

    # -- rows --------------------------------------------------------------------------------

    def _settle(self) -> None:
        plan, entries = self.plan, self._entries
        for number in self._free:
            if entries[number].item >= 0 and not entries[number].film:
                plan.gone_items.add(entries[number].item)
        due: dict[int, tuple[Entry, _Now, int]] = {}
        for place, now in self._kept.items():
            number = self._of[place]
            if number >= 0 and not entries[number].film and entries[number].item >= 0:
                due[entries[number].item] = (entries[number], now, place)
        if not due:
            return
        number = 0
        for chunk in self._carried():
            cuts = chunk.item_offsets.tolist()
            for index in range(len(chunk.items)):
                if number in due:
                    rows = np.arange(cuts[index], cuts[index + 1])
                    entry, now, place = due[number]
                    plan.kept[place] = self._rows(number, entry, now, extents(chunk, rows))
                number += 1

    def _rows(self, item: int, entry: Entry, now: _Now, boxes: NDArray[np.float64]) -> list[int]:
        """Find the records of an item of which the rows were changed; return the old rows."""
        plan, total = self.plan, len(boxes)
        count = len(entry.rows)
        places = list(range(count)) if entry.places is None else entry.places
        old = [
            (int(entry.digests[8 * k : 8 * k + 8], 16), label)
            for k, label in enumerate(self._old_labels(entry))
        ]
        # A row that stands for no record of its own lies nowhere.
        boxes = np.concatenate([boxes, np.full((1, 4), np.nan)])
        match = match_rows(
            old, now.rows, boxes[np.minimum(np.array(places, dtype=np.int64), total)], now.boxes
        )
        for row, before in enumerate(match.before):
            if before < 0 or places[before] >= total:
                if before < 0 or match.moved[row]:
                    plan.added.setdefault(item, []).append(now.annotations[row])
                continue
            edit = Edit()
            if now.rows[row][1] != old[before][1]:
                edit.label = now.rows[row][1] or ""
            if match.moved[row]:
                edit.shapes = now.annotations[row]
            base = entry.fields.get(str(before), {})
            edit.fields = changed_fields(base, now.fields.get(row, {}))
            if edit.label is not None or edit.shapes is not None or edit.fields:
                plan.edits[item, places[before]] = edit
        for before in set(range(count)) - set(match.before):
            if places[before] < total:
                plan.gone.add((item, places[before]))
        pairs = zip(match.before, match.moved, strict=True)
        return [-1 if moved else before for before, moved in pairs]


def _by_key(entries: Sequence[Entry]) -> dict[tuple[str | None, str | None], list[int]]:
    found: dict[tuple[str | None, str | None], list[int]] = {}
    for number, entry in enumerate(entries):
        found.setdefault((entry.subset, entry.name), []).append(number)
    return found


def _renamed_classes(header: Header, labels: LabelTable) -> dict[str, str]:
    """Return old name -> new name of classes that have another name in their list now.

    Only of targets whose rows name classes by a number; the number stays.
    """
    if header.target == "yolo":
        before = {place: name for place, (name, _) in enumerate(header.labels)}
        now = {place: label.name for place, label in enumerate(labels)}
    elif header.target == "coco":
        before = {identifier: name for name, identifier in header.labels}  # type: ignore[misc]
        now = {label.id: label.name for label in labels}  # type: ignore[misc]
    else:
        return {}
    pairs = [(name, now[key]) for key, name in before.items() if now.get(key, name) != name]
    mine, theirs = set(before.values()), set(now.values())
    return {old: new for old, new in pairs if old not in theirs and new not in mine}


def changed_fields(base: Any, now: dict[str, Any]) -> dict[str, Any]:
    """Return what differs between the fields of a row before and now; None for what is gone."""
    base = base if isinstance(base, dict) else {}
    found: dict[str, Any] = {}
    for key in ("attributes", "extra"):
        old, new = base.get(key), now.get(key, {})
        old = old if isinstance(old, dict) else {}
        different = {name: new.get(name) for name in [*old, *new] if old.get(name) != new.get(name)}
        if different:
            found[key] = different
    for key in ("score", "crowd", "description"):
        if base.get(key) != now.get(key):
            found[key] = now.get(key)
    return found
