"""A pass over a data set that counts and measures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import Reader
from dlgeom.converters.pipeline import gc_paused, selection_of
from dlgeom.converters.places import shown_source
from dlgeom.converters.report import Report
from dlgeom.converters.source import OnError, PathLike, open_source
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.stats.measures import MEASURES, kinds_of, measure
from dlgeom.stats.values import LabelStatistics, Statistics

if TYPE_CHECKING:
    from dlgeom.converters.choice import LabelMap

__all__ = ["statistics"]

NEEDS = frozenset({"outline", "runs", "keypoints"})


def statistics(
    path: PathLike,
    *,
    from_format: str | None = None,
    on_error: OnError = "skip",
    limits: Limits = DEFAULT_LIMITS,
    images: PathLike | None = None,
    names: PathLike | None = None,
    ground_truth: PathLike | None = None,
    subsets: Sequence[str] = (),
    label_map: LabelMap | PathLike | None = None,
    include_labels: Iterable[str] = (),
    exclude_labels: Iterable[str] = (),
    where: str | None = None,
    **options: Any,
) -> Statistics:
    """Count and measure a data set; the parameters are those of `dlgeom.convert`.

    One pass in the source's order; about 60 bytes of memory for each record.

    Raises
    ------
    DlgeomError
        As `dlgeom.convert`.
    """
    report = Report()
    selection = selection_of(label_map, include_labels, exclude_labels, where, limits)
    with (
        gc_paused(),
        open_source(
            path,
            format=from_format,
            on_error=on_error,
            limits=limits,
            images=images,
            names=names,
            ground_truth=ground_truth,
            subsets=subsets,
            options=options,
            listener=report.tell,
            selection=selection,
        ) as opened,
    ):
        counts = _Counts(opened.reader)
        filtered = getattr(opened.reader, "all_filtered", (0, 0))
    report.filtered, report.filtered_images = filtered
    report.given = report.written = counts.annotations
    return Statistics(
        path=shown_source(path),
        format=opened.reader.meta.format,
        images=len(counts.sizes),
        annotations=counts.annotations,
        skipped=report.skipped,
        labels=counts.labels(opened.reader),
        label=counts.label,
        values=counts.values,
        per_image=np.array(list(counts.rows.values()), dtype=np.int64),
        sizes=np.array(list(counts.sizes.values()), dtype=np.int64).reshape(-1, 2),
        report=report,
    )


class _Counts:
    """What one pass finds."""

    def __init__(self, reader: Reader) -> None:
        self.sizes: dict[int, tuple[int, int]] = {}
        self.rows: dict[int, int] = {}
        self.kinds: Counter[tuple[int, str]] = Counter()
        self.crowds: Counter[int] = Counter()
        labels: list[NDArray[np.int32]] = []
        items: list[NDArray[np.int64]] = []
        values: dict[str, list[NDArray[np.float32]]] = {name: [] for name in MEASURES}
        for chunk in reader.chunks(grouped=False, needs=NEEDS):
            numbers = np.array([item.number for item in chunk.items], dtype=np.int64)
            for item in chunk.items:
                self.sizes[item.number] = (item.width or 0, item.height or 0)
                self.rows.setdefault(item.number, 0)
            if not len(chunk):
                continue
            labels.append(chunk.label)
            items.append(numbers[chunk.item])
            for name, column in measure(chunk).items():
                values[name].append(column.astype(np.float32))
            self.kinds.update(zip(chunk.label.tolist(), kinds_of(chunk), strict=True))
            self.crowds.update(chunk.label[chunk.crowd].tolist())
        self.label = np.concatenate([*labels, np.zeros(0, dtype=np.int32)])
        self.item = np.concatenate([*items, np.zeros(0, dtype=np.int64)])
        self.values = {
            name: np.concatenate([*blocks, np.zeros(0, dtype=np.float32)])
            for name, blocks in values.items()
        }
        for number, count in zip(*np.unique(self.item, return_counts=True), strict=True):
            self.rows[int(number)] = int(count)

    @property
    def annotations(self) -> int:
        return len(self.label)

    def labels(self, reader: Reader) -> list[LabelStatistics]:
        """Return what is known of each label; records without one come last, if there are any."""
        names: list[str | None] = [label.name for label in reader.meta.labels]
        if (self.label < 0).any():
            self.label = np.where(self.label < 0, len(names), self.label).astype(np.int32)
            names.append(None)
        annotations = np.bincount(self.label, minlength=len(names))
        pairs = np.unique(np.stack((self.label, self.item)), axis=1)[0]
        images = np.bincount(pairs, minlength=len(names))
        tracks = np.bincount(self.label[~np.isnan(self.values["frames"])], minlength=len(names))
        kinds: list[dict[str, int]] = [{} for _ in names]
        for (label, kind), count in sorted(self.kinds.items(), key=lambda entry: -entry[1]):
            kinds[label][kind] = count
        return [
            LabelStatistics(
                name=name,
                annotations=int(annotations[k]),
                images=int(images[k]),
                crowds=self.crowds[k] + (self.crowds[-1] if name is None else 0),
                tracks=int(tracks[k]),
                kinds=kinds[k],
            )
            for k, name in enumerate(names)
        ]
