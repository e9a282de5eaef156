"""Which fields of the records a target cannot hold: counted, never lost in silence.

Records, images, classes and the data set as a whole have fields. Those of records are counted
by the writers (`count_fields`), the others by the pipeline; a writer may say what it keeps in
``item_fields``, ``label_fields`` and ``section_fields`` (`kept_by`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import BOX, Chunk
from dlgeom.converters.base import Meta, Writer
from dlgeom.converters.media_types import guess_type
from dlgeom.item import RECORD_FIELDS, Item
from dlgeom.labels import Label, LabelTable

__all__ = [
    "ALL_FIELDS",
    "ItemFields",
    "count_fields",
    "count_label_fields",
    "count_sections",
    "kept_by",
    "says_more",
]

ALL_FIELDS = frozenset({"*"})
"""What a writer says that keeps all fields."""

_ID, _METADATA = attrgetter("id"), attrgetter("metadata")
_keys = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def kept_by(writer: Writer, what: str, *, same_format: bool) -> frozenset[str]:
    """Return the fields that a writer keeps.

    Parameters
    ----------
    writer : Writer
        May have an attribute of that name.
    what : {"item_fields", "label_fields", "section_fields"}
        Names of fields of images, of classes, or of sections of the root; ``*`` for all.
    same_format : bool
        Whether the source has the same format; such a writer keeps all if it says nothing,
        another one nothing.
    """
    said: frozenset[str] | None = getattr(writer, what, None)
    if said is not None:
        return said
    return ALL_FIELDS if same_format else frozenset()


def count_fields(
    chunk: Chunk, *, kept: frozenset[str] = frozenset(), rows: NDArray[np.bool_] | None = None
) -> Counter[str]:
    """Count the fields that have a value in a record and are not `kept`.

    Parameters
    ----------
    chunk : Chunk
        The records.
    kept : frozenset of str
        Among ``id``, ``score``, ``area``, ``bbox`` (a box stored beside another shape),
        ``iscrowd``, ``attributes`` (all of them) or ``attributes.<key>``, ``children``, ``extra``
        (all of it) or a key of `Chunk.extra`.
    rows : ndarray of bool, shape (N,), optional
        The rows to look at: those that were not dropped. All if not given.

    Returns
    -------
    Counter of str
        Field -> number of records that lose it.
    """
    lost: Counter[str] = Counter()
    some = np.ones(len(chunk), dtype=np.bool_) if rows is None else rows
    columns = {
        "score": ~np.isnan(chunk.score),
        "area": ~np.isnan(chunk.area),
        "bbox": ~np.isnan(chunk.bounds[:, 0]) & ((chunk.shapes & ~np.uint8(BOX)) != 0),
        "iscrowd": chunk.crowd,
    }
    for name, present in columns.items():
        if name not in kept and (count := int(np.count_nonzero(present & some))):
            lost[name] += count
    if "id" not in kept:
        if rows is None or some.all():
            count = len(chunk) - chunk.ids.count(None)
        else:
            count = sum(chunk.ids[row] is not None for row in np.flatnonzero(some).tolist())
        if count:
            lost["id"] += count
    for row, values in chunk.attributes.items():
        if some[row]:
            for key in values:
                if "attributes" not in kept and f"attributes.{key}" not in kept:
                    lost[f"attributes.{key}"] += 1
    if "extra" not in kept:
        for row, values in chunk.extra.items():
            if some[row]:
                for key in values:
                    if key not in kept:
                        lost[key] += 1
    if "children" not in kept:
        for row, parts in chunk.children.items():
            if some[row]:
                lost["children"] += len(parts)
    return lost


class ItemFields:
    """Counts the fields of images that a target cannot hold.

    Records of one file mostly have the same keys, so that sets of keys are counted and not keys:
    0.7 us an image.

    Parameters
    ----------
    kept : frozenset of str
        ``id``, ``metadata`` or keys of `Item.extra`; ``*`` for id and all keys.
    """

    def __init__(self, kept: frozenset[str]) -> None:
        self._kept = kept
        self._all = "*" in kept
        self._records: Counter[tuple[str, ...]] = Counter()
        self._fields: Counter[tuple[str, ...]] = Counter()
        self._ids = 0
        self._metadata = 0

    def add(self, items: Sequence[Item]) -> None:
        """Count images, each once."""
        if "metadata" not in self._kept and any(map(_METADATA, items)):
            self._metadata += sum(1 for item in items if item.metadata and says_more(item))
        if self._all:
            return
        if "id" not in self._kept:
            self._ids += len(items) - list(map(_ID, items)).count(None)
        records = [item.record for item in items if item.record and item.fields is None]
        if records:
            keys = list(map(tuple, _objects(records)))
            same = keys.count(keys[0])
            if same == len(keys):
                self._records[keys[0]] += same
            else:
                self._records.update(keys)
        if len(records) < len(items):
            self._fields.update(tuple(item.fields) for item in items if item.fields)

    def merge(self, other: ItemFields) -> None:
        """Take what was counted of other images."""
        self._records.update(other._records)
        self._fields.update(other._fields)
        self._ids += other._ids
        self._metadata += other._metadata

    def lost(self) -> Counter[str]:
        """Return ``image.<field>`` -> number of images that lose it."""
        lost: Counter[str] = Counter()
        for patterns, known in ((self._records, RECORD_FIELDS), (self._fields, frozenset[str]())):
            for keys, count in patterns.items():
                for key in keys:
                    if key not in known and key not in self._kept:
                        lost[f"image.{key}"] += count
        lost.update({"image.id": self._ids, "image.metadata": self._metadata})
        return +lost


def says_more(item: Item) -> bool:
    """Whether the metadata of an image say anything that its name and size do not.

    The platform's JSON has size and MIME type in ``system``.
    """
    known = {
        "width": item.width,
        "height": item.height,
        "mimetype": guess_type(item.name or "") or f"{item.media}/*",
    }
    for key, value in (item.metadata or {}).items():
        if key == "system" and isinstance(value, Mapping):
            if any(name not in known or known[name] != said for name, said in value.items()):
                return True
        elif value not in ({}, None):
            return True
    return False


def _objects(records: list[bytes]) -> Iterable[Mapping[str, object]]:
    """Return the JSON objects of some records, values undecoded."""
    text = b"[" + b",".join(records) + b"]"
    try:
        return _keys.decode(text)
    except msgspec.DecodeError:  # numbers that are not finite
        found: list[dict[str, object]] = json.loads(text)
        return found


def count_label_fields(labels: LabelTable, kept: frozenset[str]) -> Counter[str]:
    """Count the fields of classes that are not `kept`, as ``category.<field>``.

    Parameters
    ----------
    labels : LabelTable
        The classes.
    kept : frozenset of str
        Among ``id``, ``supercategory``, ``color``, ``keypoints``, ``skeleton``, ``flip`` and keys
        of `Label.extra`; ``*`` for all. Ids that only count the classes are never lost.
    """
    lost: Counter[str] = Counter()
    if "*" in kept:
        return lost
    ids = [label.id for label in labels]
    counted = ids in (list(range(len(ids))), list(range(1, len(ids) + 1)))
    for label in labels:
        for key in _label_fields(label):
            if key not in kept and not (key == "id" and counted):
                lost[f"category.{key}"] += 1
    return lost


def _label_fields(label: Label) -> list[str]:
    named = {
        "id": label.id is not None,
        "supercategory": bool(label.parent),
        "color": label.color is not None,
        "keypoints": bool(label.keypoints),
        "skeleton": bool(label.skeleton),
        "flip": bool(label.flip),
    }
    return [key for key, there in named.items() if there] + list(label.extra)


def count_sections(meta: Meta, kept: frozenset[str]) -> Counter[str]:
    """Count the sections of a COCO file's root that are not `kept`, as ``section.<name>``.

    Images, annotations and categories are no such sections, and empty ones say nothing. Lists
    of images (`Meta.lists`) are sections too.
    """
    lost: Counter[str] = Counter()
    if "*" in kept:
        return lost
    lost.update(f"section.{name}" for name in meta.lists if name not in kept)
    for sections in list(meta.subset_sections.values()) or [meta.sections]:
        for name, text in sections.items():
            if name not in kept and text.translate(None, b" \t\r\n") not in (
                b"",
                b"{}",
                b"[]",
                b"null",
            ):
                lost[f"section.{name}"] += 1
    return lost
