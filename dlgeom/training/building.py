"""Reads a data set into a `Store`, once and as a stream."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.batches import Columns
from dlgeom.batches.shapes import areal
from dlgeom.chunk import Chunk, Origin
from dlgeom.conversions import to_polygon
from dlgeom.dataset import Dataset
from dlgeom.errors import GeometryError
from dlgeom.geometry import rotated as turned
from dlgeom.geometry.ragged import Ragged, Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable
from dlgeom.training.kinds import Kind, rows_of_kind
from dlgeom.training.sources import SourceFiles
from dlgeom.training.store import Store

__all__ = ["build_store"]


class _MoreNeeded(Exception):  # noqa: N818 - no error: reading starts again
    """A box has to be found from a shape that was not decoded."""


def build_store(
    dataset: Dataset,
    kind: Kind | None,
    *,
    by_type: bool,
    predictions: bool,
) -> tuple[Store, Counter[str]]:
    """Read a data set into a store.

    Parameters
    ----------
    dataset : Dataset
        What to read, once; twice where boxes have to be found from outlines.
    kind : Kind, optional
        What is kept; None keeps images alone.
    by_type : bool
        As for `rows_of_kind`.
    predictions : bool
        Whether annotations that a model made are kept (``metadata.user.model``).

    Returns
    -------
    store : Store
        All items, also those without rows.
    skipped : Counter
        Rows that were left out, by reason.
    """
    needs = frozenset() if kind is None else kind.needs
    if not predictions and dataset.meta.format in ("dataloop", "memory"):
        needs |= {"extra"}
    for wanted in (needs, needs | {"outline", "runs", "keypoints"}):
        build = _Build(dataset, kind, by_type, predictions, complete=wanted is not needs)
        try:
            for chunk in dataset.chunks(grouped=True, needs=wanted):
                build.add(chunk)
        except _MoreNeeded:
            continue
        break
    return build.store(), build.skipped


class _Build:
    """A store while the data set is read."""

    def __init__(
        self,
        dataset: Dataset,
        kind: Kind | None,
        by_type: bool,
        predictions: bool,
        *,
        complete: bool,
    ) -> None:
        self.skipped: Counter[str] = Counter()
        self._dataset = dataset
        self._kind = kind
        self._by_type = by_type
        self._predictions = predictions
        self._complete = complete
        self._items: list[Item] = []
        self._counts: list[NDArray[np.int64]] = []
        self._sources: list[str] = []
        self._columns: dict[str, list[Any]] = {}
        self._others: dict[int, Any] = {}
        self._rows = 0
        self._files_of = SourceFiles(dataset.path)

    def add(self, chunk: Chunk) -> None:
        """Take what counts of a chunk."""
        if len(chunk) and (np.diff(chunk.item) < 0).any():
            chunk = chunk.select(np.argsort(chunk.item, kind="stable"))
        part = chunk.select(self._chosen(chunk))
        counts = np.bincount(part.item, minlength=len(chunk.items))
        images = [item.media == "image" for item in chunk.items]
        if not all(images):
            kept = np.array(images)
            self.skipped["item is no image"] += int((~kept).sum())
            part = part.select(np.flatnonzero(kept[part.item]))
            counts = counts[kept]
        if self._kind is not None and len(part):
            part, counts = self._made(part, counts, np.array(images), self._kind)
        self._items += [
            msgspec.structs.replace(item, record=b"", raw=b"", fields=None, metadata=None)
            for item, is_image in zip(chunk.items, images, strict=True)
            if is_image
        ]
        self._counts.append(counts.astype(np.int64))
        self._sources += self._files(chunk.origin, images)
        if self._kind is not None:
            self._keep(part)

    def _chosen(self, chunk: Chunk) -> NDArray[np.int64]:
        if self._kind is None:
            return np.zeros(0, dtype=np.int64)
        wanted = rows_of_kind(chunk, self._kind, self._by_type)
        if not self._predictions:
            made = _predicted(chunk)
            self.skipped["prediction of a model"] += int((made & wanted).sum())
            wanted &= ~made
        return np.flatnonzero(wanted)

    def _made(
        self, part: Chunk, counts: NDArray[Any], images: NDArray[np.bool_], kind: Kind
    ) -> tuple[Chunk, NDArray[Any]]:
        """Turn shapes into those of the kind; leave out rows that have none in the end."""
        nowhere = np.zeros(len(part), dtype=np.bool_)
        if kind.has_area:
            part, nowhere = _areas_only(part)
        if kind.name != "class":
            boxes = Columns(_as_one(part)).boxes_xyxy()
            missing = np.isnan(boxes[:, 0])
            if kind.name == "box":
                if missing.any() and not self._complete:
                    raise _MoreNeeded
                # A rotated box says more than the upright one around it.
                boxes = np.where(np.isnan(part.rotated[:, :1]), boxes, np.nan)
                part = msgspec.structs.replace(part, bounds=boxes)
            # A pose whose points are all absent is one all the same.
            if kind.name != "pose":
                nowhere |= missing
        if nowhere.any():
            self.skipped["empty shape"] += int(nowhere.sum())
            part = part.select(np.flatnonzero(~nowhere))
            counts = np.bincount(part.item, minlength=len(images))[images]
        return part, counts

    def _files(self, origin: Origin, images: list[bool]) -> list[str]:
        paths = list(origin.paths) if len(origin.paths) else [origin.path] * len(images)
        return [
            self._files_of.full(path)
            for path, is_image in zip(paths, images, strict=True)
            if is_image
        ]

    def _keep(self, part: Chunk) -> None:
        kind = self._kind
        assert kind is not None
        columns: dict[str, Any] = {"label": part.label, "crowd": part.crowd, "area": part.area}
        if not kind.has_area:
            columns["bounds"] = part.bounds
        if kind.name == "box":
            columns["rotated"] = part.rotated
        elif kind.has_area:
            columns["outline"], columns["runs"] = part.outline, part.runs
        elif kind.name == "pose":
            columns["keypoints"] = part.keypoints
        for name, values in columns.items():
            self._columns.setdefault(name, []).append(values)
        if kind.name in ("polyline", "point", "pose"):
            for row, annotation in part.others.items():
                copy = annotation.copy()
                copy.item, copy.record, copy.extra, copy.metadata = None, None, {}, None
                self._others[self._rows + row] = copy
        self._rows += len(part)

    def store(self) -> Store:
        """Put everything together."""
        arrays: dict[str, Any] = {
            name: np.concatenate(self._columns[name]) for name in _FLAT if self._columns.get(name)
        }
        ragged: dict[str, Any] = {}
        for name, column, numbers in _RAGGED:
            if name in self._columns:
                joined: Any = column.concat(self._columns[name])
                if len(getattr(joined, numbers)):
                    ragged[name] = joined
        for name in ("rotated", "area"):
            if name in arrays and np.isnan(arrays[name]).all():
                del arrays[name]
        counts = np.concatenate(self._counts) if self._counts else np.zeros(0, dtype=np.int64)
        label = arrays.pop("label", np.zeros(0, dtype=np.int32))
        crowd = arrays.pop("crowd", np.zeros(0, dtype=np.bool_))
        return Store(
            items=self._items,
            offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            labels=LabelTable(
                msgspec.structs.replace(entry, record=b"") for entry in self._dataset.labels
            ),
            label=label,
            crowd=crowd,
            others=self._others,
            sources=self._sources,
            **arrays,
            **ragged,
        )


_RAGGED = (("outline", Rings, "xy"), ("runs", Runs, "counts"), ("keypoints", Ragged, "values"))
_FLAT = ("label", "crowd", "area", "bounds", "rotated")


def _as_one(part: Chunk) -> Chunk:
    """Return the rows as if all were of one item, which is all the same for their boxes."""
    return msgspec.structs.replace(
        part, items=[Item()], item=np.zeros(len(part), dtype=np.int32), origin=_NOWHERE
    )


_NOWHERE = Origin(format="", number=np.zeros(0, dtype=np.int64))


def _predicted(chunk: Chunk) -> NDArray[np.bool_]:
    """Return which rows a model made, as the platform tells: ``metadata.user.model``."""
    result = np.zeros(len(chunk), dtype=np.bool_)
    for row, names in chunk.named.items():
        if "metadata" in names:
            result[row] = _names_model(chunk.extra.get(row, {}).get("metadata"))
    for row, annotation in chunk.others.items():
        result[row] = result[row] or _names_model(annotation.metadata)
    return result


def _names_model(metadata: object) -> bool:
    user = metadata.get("user") if isinstance(metadata, dict) else None
    return isinstance(user, dict) and user.get("model") is not None


def _areas_only(part: Chunk) -> tuple[Chunk, NDArray[np.bool_]]:
    """Turn rotated boxes, ellipses and cubes into outlines; tell which rows have no area then."""
    outlined, masked = part.outline.part_counts > 0, part.runs.present
    boxes = ~np.isnan(part.rotated[:, 0]) & ~outlined & ~masked
    nowhere = np.zeros(len(part), dtype=np.bool_)
    if not boxes.any() and not part.others:
        return part, nowhere
    rows: list[Any] = list(part.outline)
    for row in np.flatnonzero(boxes).tolist():
        rows[row] = [[turned.corners(part.rotated[row : row + 1])[0]]]
    masks: list[Any] = [
        (part.runs.row(row), tuple(part.runs.shape[row].tolist())) if there else None
        for row, there in enumerate(masked.tolist())
    ]
    for row, annotation in part.others.items():
        shape = next(filter(areal, annotation.shapes), annotation.annotation_definition)
        if shape.type == "binary":
            masks[row] = (shape.counts, shape.shape)
            continue
        try:
            rows[row] = to_polygon(shape).parts
        except GeometryError:
            nowhere[row] = True
    return msgspec.structs.replace(
        part, outline=Rings.of(rows), runs=Runs.of(masks), others={}
    ), nowhere
