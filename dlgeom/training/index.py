"""What a generator knows of its data set: items, rows, class ids, and what was left out."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.images import is_image_name
from dlgeom.converters.pipeline import gc_paused
from dlgeom.dataset import Dataset
from dlgeom.errors import FormatError, OutputError, UsageError
from dlgeom.filters import Filters
from dlgeom.item import Item
from dlgeom.training.building import build_store
from dlgeom.training.classes import BACKGROUND, Classes
from dlgeom.training.images import ImageFiles
from dlgeom.training.kinds import Kind
from dlgeom.training.store import Store

__all__ = ["Index"]

log = logging.getLogger("dlgeom.training")

Maps = tuple[Mapping[str, int] | None, Mapping[int, str] | None]


class Index:
    """Items with their rows, the class id of each, and where the images are.

    Parameters
    ----------
    dataset : Dataset
        What is read, once.
    filters : Filters or str, optional
        What is chosen of it.
    kind : Kind, optional
        What annotations become.
    files : ImageFiles
        The images.
    maps : tuple
        Label -> id and id -> label, each of them or None.
    by_type, predictions
        As for `build_store`.
    missing_labels : {"skip", "raise"}
        As for `DatasetGenerator`.
    ignore_empty : bool
        Whether items without rows are left out.
    readable : bool
        Whether items whose image cannot be read are left out.
    """

    def __init__(
        self,
        dataset: Dataset,
        filters: Filters | str | None,
        kind: Kind | None,
        files: ImageFiles,
        *,
        maps: Maps,
        by_type: bool,
        predictions: bool,
        missing_labels: str,
        ignore_empty: bool,
        readable: bool,
    ) -> None:
        self.kind, self.files = kind, files
        self.bad_images: list[str] = []
        chosen = dataset if filters is None else dataset.filter(filters)
        with gc_paused():
            store, skipped = build_store(chosen, kind, by_type=by_type, predictions=predictions)
        self.skipped = Counter({reason: count for reason, count in skipped.items() if count})
        if not ignore_empty and filters is None and dataset.meta.format == "dataloop":
            store = _with_bare_images(store, files)
        self.classes = Classes.of(*maps, [*dataset.labels.names, *store.labels.names])
        ids, known = self.classes.table(store.labels.names)
        self._tell_missing(store, known, missing_labels)
        if kind is not None and kind.name == "binary":
            self._tell_hidden()
        store = store.only_rows(known[store.label])
        if ignore_empty and kind is not None:
            store = store.take(np.flatnonzero(np.diff(store.offsets) > 0))
        if readable:
            store = store.take(self._readable(store))
        self.store = store
        self.ids: NDArray[np.int64] = ids[store.label]
        posed = kind is not None and kind.name == "pose"
        self.points = store.most_keypoints if posed else None
        if len(store) == 0:
            hint = " Pass match='any' to take what can become it" if by_type else ""
            name = None if kind is None else kind.name
            log.warning("no item has an annotation of the type %r.%s", name, hint)

    def _tell_missing(self, store: Store, known: NDArray[np.bool_], how: str) -> None:
        rows = np.flatnonzero(~known[store.label])
        if not len(rows):
            return
        names: list[str | None] = [*store.labels.names, None]
        counts = Counter(names[k] for k in store.label[rows].tolist())
        told = ", ".join(f"{name!r} ({count})" for name, count in counts.most_common(20))
        message = (
            f"{len(rows)} annotations have labels without a class id: {told}; the map has "
            f"{', '.join(map(repr, self.classes.label_to_id)) or 'none'}."
        )
        if how == "raise":
            raise UsageError(f"{message} Add them to label_to_id_map, or leave it out")
        log.warning("%s They are left out", message)
        for name, count in counts.items():
            reason = "no label" if name is None else f"label {name!r} has no class id"
            self.skipped[reason] += count

    def _tell_hidden(self) -> None:
        """Warn of labels that cannot be told from the background of a mask."""
        ground = self.classes.background
        pairs = self.classes.label_to_id.items()
        names = [name for name, number in pairs if number == ground and name != BACKGROUND]
        if names:
            log.warning(
                "%s: the class id %d is that of the background too, so they are not seen in masks. "
                "Give them, or %r, another id",
                ", ".join(map(repr, names[:20])),
                ground,
                BACKGROUND,
            )

    def _readable(self, store: Store) -> NDArray[np.int64]:
        """Return the items whose images are there, with a header that can be read."""
        good = []
        for index, item in enumerate(store.items):
            error = self.files.check(item)
            if error is None:
                good.append(index)
                continue
            self.tell_image(error)
        return np.array(good, dtype=np.int64)

    def tell_image(self, error: FormatError | OutputError) -> None:
        """Note an image that is left out."""
        log.warning("left out: %s", error)
        if str(error) not in self.bad_images:
            self.bad_images.append(str(error))
            self.skipped["image cannot be read"] += 1


def _with_bare_images(store: Store, files: ImageFiles) -> Store:
    """Add the images of a platform's folder that have no JSON file."""
    if files.root is None:
        return store
    known = {item.name for item in store.items}
    found: list[Item] = []
    for folder, folders, names in os.walk(files.root):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            relative = Path(os.path.relpath(path, files.root)).as_posix()
            if is_image_name(name) and relative not in known and not os.path.islink(path):
                found.append(Item(name=relative))
    more = np.full(len(found), store.offsets[-1], dtype=np.int64)
    return msgspec.structs.replace(
        store,
        items=[*store.items, *found],
        offsets=np.concatenate((store.offsets, more)),
        sources=[*store.sources, *([""] * len(found))],
    )
