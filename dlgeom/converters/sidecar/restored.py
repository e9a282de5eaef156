"""A data set as it was before it became a target, with what was done to the target since."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.chunk_poses import add_points
from dlgeom.converters.base import ALL, Meta, Reader
from dlgeom.converters.selection import with_items
from dlgeom.converters.sidecar.plan import Edit, Plan
from dlgeom.converters.sidecar.splice import grown, spliced
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["RestoredReader"]


class RestoredReader:
    """A reader of what a sidecar holds, with the changes of a plan.

    Parameters
    ----------
    reader : Reader
        Of the files that the sidecar holds.
    plan : Plan
        What has to change.
    names : dict of str to str
        Name of a class in the target -> name in the source, where they differ.
    subset : str, optional
        Split of the target where the source had none.
    images_root : Path, optional
        Where the target has its images.
    foreign : bool
        Whether the target has another format: ids that it gives mean nothing here then.
    splits : sequence of str, optional
        Those of the target that are read; others without images are none of the data set.
    """

    def __init__(
        self,
        reader: Reader,
        plan: Plan,
        *,
        names: dict[str, str],
        subset: str | None,
        images_root: Path | None,
        foreign: bool,
        splits: Sequence[str] | None = None,
    ) -> None:
        self._reader = reader
        self._plan = plan
        self._names = names
        self._foreign = foreign
        self._splits = splits
        self._left: set[str | None] = set()
        self.default_subset = subset
        self._count = reader.count() or 0
        self._places: dict[int, tuple[int, int]] = {}
        self._numbers: list[int] = []
        self._last = 0
        if not plan.empty:
            self._index()
        self._labels = self._new_labels()
        self.meta = self._new_meta(images_root)
        self._edits, self._gone = self._by_order()

    # -- what is where ---------------------------------------------------------------------

    def _index(self) -> None:
        """Find the place in the source of each record that changes."""
        plan = self._plan
        wanted = {item for item, _ in plan.edits} | {item for item, _ in plan.gone}
        due = {*plan.edits, *plan.gone}
        number = 0
        for chunk in self._reader.chunks(grouped=True, needs=frozenset()):
            cuts = chunk.item_offsets.tolist()
            self._last = max(self._last, int(chunk.order.max(initial=-1)) + 1)
            for index, item in enumerate(chunk.items):
                self._numbers.append(item.number)
                if number not in plan.gone_items:
                    self._left.add(item.subset)
                if number in wanted:
                    for place, order in enumerate(
                        chunk.order[cuts[index] : cuts[index + 1]].tolist()
                    ):
                        if (number, place) in due:
                            self._places[order] = (number, place)
                number += 1
        self._count = number

    def _by_order(self) -> tuple[dict[int, Edit], Any]:
        plan = self._plan
        edits = {o: plan.edits[key] for o, key in self._places.items() if key in plan.edits}
        gone = [order for order, key in self._places.items() if key in plan.gone]
        self._item_of = {number: k for k, number in enumerate(self._numbers)}
        return edits, np.array(gone, dtype=np.int64)

    def _new_labels(self) -> LabelTable:
        """Return the labels under their new names, and with new ones."""
        plan, table = self._plan, self._reader.meta.labels
        if plan.empty:
            return table
        renamed = [
            msgspec.structs.replace(label, name=plan.renamed[label.name])
            if label.name in plan.renamed
            else label
            for label in table
        ]
        labels = LabelTable(renamed)
        listed = [edit.label for edit in plan.edits.values()]
        listed += [one.label for rows in plan.added.values() for one in rows]
        listed += [one.label for _, rows in plan.new_items for one in rows]
        for name in dict.fromkeys(self._name(label) for label in listed if label):
            if name is not None and labels.find(name) is None:
                labels.add(name)
        changed = bool(plan.renamed) or len(labels) > len(table)
        return labels if changed else table

    def _name(self, label: str | None) -> str | None:
        return None if label is None else self._names.get(label, label)

    def _new_meta(self, images_root: Path | None) -> Meta:
        from dlgeom.converters.coco.own_labels import OwnLabels

        plan, meta = self._plan, self._reader.meta
        extra = dict(meta.extra)
        own = extra.get("coco_categories")
        if isinstance(own, OwnLabels) and self._labels is not meta.labels:
            splits = {}
            for name, listed in own.splits.items():
                splits[name] = [
                    (k, msgspec.structs.replace(label, name=self._labels[k].name))
                    for k, label in listed
                ]
            extra["coco_categories"] = OwnLabels(self._labels, splits)
        subsets = list(meta.subsets)
        if plan.gone_items and self._splits is not None:
            subsets = [s for s in subsets if s in self._left or s in self._splits]
        if meta.subsets:
            fresh = [change["subset"] for change in plan.items.values() if "subset" in change]
            fresh += [item.subset for item, _ in plan.new_items]
            subsets += [s for s in dict.fromkeys(fresh) if s is not None and s not in subsets]
        return msgspec.structs.replace(
            meta,
            labels=self._labels,
            subsets=subsets,
            extra=extra,
            items_first=meta.items_first and not plan.new_items,
            images_root=images_root,
        )

    # -- the reader ------------------------------------------------------------------------

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs, keypoints, other occur anywhere."""
        plan = self._plan
        kinds = self._reader.kinds()
        made = [edit.shapes for edit in plan.edits.values() if edit.shapes is not None]
        made += [one for rows in plan.added.values() for one in rows]
        made += [one for _, rows in plan.new_items for one in rows]
        if made:
            pair = (Item(), AnnotationCollection._view(None, made, None))
            kinds |= Chunk.of([pair]).kinds()
        return kinds

    def learn_points(self) -> None:
        """Add the key points to the classes that only later poses of them have."""
        learn = getattr(self._reader, "learn_points", None)
        if learn is not None and self._labels is self._reader.meta.labels:
            learn()
            return
        for chunk in self.chunks(grouped=True, needs=frozenset({"keypoints"})):
            add_points(chunk)

    def count(self) -> int | None:
        """Return how many items there are."""
        count = self._reader.count()
        if count is None:
            return None
        return count - len(self._plan.gone_items) + len(self._plan.new_items)

    def keep(self, target: Reader | None, remove: Callable[[], None]) -> None:
        """Take over the target's reader and the files, which are removed at the end."""
        self._target = target
        self._remove = weakref.finalize(self, remove)

    def close(self) -> None:
        """Close the files that are held open, and remove those of the sidecar."""
        for reader in (self._reader, self._target):
            close = getattr(reader, "close", None)
            if callable(close):
                close()
        self._remove()

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set; columns not in `needs` may be empty."""
        plan = self._plan
        if plan.empty and not plan.items:
            yield from self._reader.chunks(grouped=grouped, needs=needs)
            return
        waiting: dict[int, tuple[Item, list[Annotation]]] = {}
        first = self._last
        whole = ALL | needs if plan.edits or plan.added else needs
        for given in self._reader.chunks(grouped=grouped, needs=whole):
            # A reader whose stream is grouped anyway has all rows of its items.
            chunk = self._changed(given)
            if plan.added:
                mine = self._added(chunk)
                if grouped:
                    # Records in one go: their places need not be those of a file.
                    chunk = grown(chunk, {k: rows for k, (_, rows) in mine.items()}, first)
                    first += sum(len(rows) for _, rows in mine.values())
                else:
                    waiting.update((item.number, (item, rows)) for item, rows in mine.values())
            if chunk.items or not given.items:
                yield chunk
        for item, rows in waiting.values():
            yield self._fresh([(item, rows)], first)
            first += len(rows)
        for number, (item, rows) in enumerate(plan.new_items):
            yield self._fresh([(self._new_item(item, number), [self._new(o) for o in rows])], first)
            first += len(rows)

    def _new_item(self, item: Item, place: int) -> Item:
        number = max(self._numbers, default=-1) + 1 + place
        changes: dict[str, Any] = {"number": number}
        if self._foreign:
            changes |= {"id": None, "record": b"", "raw": b""}
        if not self._reader.meta.subsets:
            changes["subset"] = None
        return msgspec.structs.replace(item, **changes)

    def _new(self, annotation: Annotation) -> Annotation:
        made = annotation.copy()
        made.record = None
        if self._foreign:
            made.id = None
            made.stored_area = None
        name = self._name(made.label)
        if name != made.label:
            made.label = name
        return made

    def _fresh(self, pairs: Sequence[tuple[Item, list[Annotation]]], first: int) -> Chunk:
        listed = [(item, AnnotationCollection._view(item, rows, None)) for item, rows in pairs]
        chunk = Chunk.of(listed, self._labels)
        return msgspec.structs.replace(chunk, order=first + np.arange(len(chunk), dtype=np.int64))

    def _added(self, chunk: Chunk) -> dict[int, tuple[Item, list[Annotation]]]:
        found = {}
        for place, item in enumerate(chunk.items):
            rows = self._plan.added.get(self._item_of.get(item.number, -1))
            if rows:
                found[place] = (item, [self._new(one) for one in rows])
        return found

    # -- a chunk ---------------------------------------------------------------------------

    def _changed(self, chunk: Chunk) -> Chunk:
        """Return a chunk without what was deleted, and with what was changed."""
        plan = self._plan
        if chunk.labels is not self._labels:
            chunk = msgspec.structs.replace(chunk, labels=self._labels)
        numbers = [self._item_of.get(item.number, item.number) for item in chunk.items]
        stay = np.array([number not in plan.gone_items for number in numbers], dtype=np.bool_)
        keep = stay[chunk.item] if len(chunk) else np.zeros(0, dtype=np.bool_)
        if len(self._gone):
            keep &= ~np.isin(chunk.order, self._gone)
        if not keep.all():
            chunk = chunk.select(np.flatnonzero(keep))
        if not stay.all():
            chunk = with_items(chunk, np.flatnonzero(stay))
            numbers = [number for number in numbers if number not in plan.gone_items]
        if any(number in plan.items for number in numbers):
            items = [
                self._item(item, plan.items.get(number))
                for item, number in zip(chunk.items, numbers, strict=True)
            ]
            chunk = msgspec.structs.replace(chunk, items=items)
        return self._edited(chunk) if self._edits else chunk

    def _item(self, item: Item, change: dict[str, Any] | None) -> Item:
        if change is None:
            return item
        if "subset" in change and not self._reader.meta.subsets:
            change = {key: value for key, value in change.items() if key != "subset"}
        return msgspec.structs.replace(item, **change)

    def _edited(self, chunk: Chunk) -> Chunk:
        labels: dict[int, int] = {}
        made: dict[int, Annotation] = {}
        for row, order in enumerate(chunk.order.tolist()):
            edit = self._edits.get(order)
            if edit is None:
                continue
            if edit.label is not None:
                name = self._name(edit.label)
                labels[row] = -1 if not name else int(self._labels.find(name) or 0)
            if edit.shapes is not None or edit.fields:
                made[row] = _edited_record(chunk.annotation(row), edit)
        if labels:
            column = chunk.label.copy()
            column[list(labels)] = list(labels.values())
        before = chunk
        chunk = spliced(chunk, made)
        if labels:
            chunk = msgspec.structs.replace(chunk, label=column)
        if made and before.origin.format == "coco":
            from dlgeom.converters.sidecar.coco_text import with_texts

            texts = {row: before.origin.raw(row) for row in made}
            edits = {row: self._edits[int(before.order[row])] for row in made}
            chunk = with_texts(chunk, texts, edits, made)
        return chunk


def _edited_record(before: Annotation, edit: Edit) -> Annotation:
    """Return a record with the shapes and fields that somebody gave it; all else stays."""
    made = before.copy()
    fields = edit.fields
    if edit.shapes is not None:
        shape = edit.shapes.annotation_definition
        shape = shape.replace(
            label=before.label, attributes=before.attributes, description=before.description
        )
        made.annotation_definition = shape
        made.companions = edit.shapes.companions
        # A target may store a box beside each shape.
        stored = edit.shapes.stored_bounds
        made.stored_bounds = stored if before.stored_bounds is not None else None
        made.stored_area = None
        made.later = edit.shapes.later
    if "attributes" in fields and isinstance(before.attributes, dict):
        made.attributes = _merged(before.attributes, fields["attributes"])
    if "extra" in fields:
        made.extra = _merged(before.extra, fields["extra"])
    if "score" in fields:
        made.score = fields["score"]
    if "crowd" in fields:
        made.crowd = bool(fields["crowd"])
    if "description" in fields:
        made.description = fields["description"]
    return made


def _merged(before: Any, changes: dict[str, Any]) -> dict[str, Any]:
    found = {**before, **changes}
    return {key: value for key, value in found.items() if value is not None or key in before}
