"""What a data set is: format, images, annotations, labels, sizes; read in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dlgeom.chunk import BOX, HOLES, KEYPOINTS, OTHER, OUTLINE, PARTS, ROTATED, RUNS
from dlgeom.converters.pipeline import gc_paused, selection_of
from dlgeom.converters.places import shown_source
from dlgeom.converters.report import Report
from dlgeom.converters.source import OnError, PathLike, open_source
from dlgeom.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from dlgeom.converters.choice import LabelMap

__all__ = ["Survey", "survey"]

_KINDS = {
    "box": BOX,
    "rotated box": ROTATED,
    "polygon": OUTLINE,
    "several parts": PARTS,
    "holes": HOLES,
    "mask": RUNS,
    "keypoints": KEYPOINTS,
    "other": OTHER,
}


class Survey(msgspec.Struct, kw_only=True):
    """Facts about a data set.

    Parameters
    ----------
    path, format : str
        What was looked at, and what it is.
    images, annotations : int
        Distinct images; records, without those that were left out as bad.
    images_without_annotations : int
        Images that no annotation mentions.
    subsets : dict of str to int
        Images of each split.
    labels : dict of str to int
        Annotations of each label, in the file's order; unused labels have 0.
    kinds : dict of str to int
        Records that have each kind of shape; a record may have several.
    crowds : int
        Records that stand for a group.
    widths, heights : tuple of int, optional
        Smallest and largest.
    images_without_size : int
        Images whose size is not known.
    skipped : int
        Bad records that were left out.
    filtered, filtered_images : int
        Records and images that were left out because the user asked for it.
    report : Report
        What was wrong with the input.
    """

    path: str
    format: str
    images: int = 0
    annotations: int = 0
    images_without_annotations: int = 0
    subsets: dict[str, int] = msgspec.field(default_factory=dict)
    labels: dict[str, int] = msgspec.field(default_factory=dict)
    kinds: dict[str, int] = msgspec.field(default_factory=dict)
    crowds: int = 0
    widths: tuple[int, int] | None = None
    heights: tuple[int, int] | None = None
    images_without_size: int = 0
    skipped: int = 0
    filtered: int = 0
    filtered_images: int = 0
    report: Report = msgspec.field(default_factory=Report)

    @property
    def exit_code(self) -> int:
        """0, or 1 where bad records were left out."""
        return self.report.exit_code()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain values, with what was wrong under ``codes``."""
        facts = {name: getattr(self, name) for name in self.__struct_fields__ if name != "report"}
        return {**facts, "codes": self.report.summary()["codes"]}

    def table(self) -> str:
        """Return the facts as lines for a terminal."""
        lines = [
            f"format       {self.format}",
            f"images       {self.images:,}"
            + (
                f" ({self.images_without_annotations:,} without annotations)" if self.images else ""
            ),
            f"annotations  {self.annotations:,}"
            + (f" ({self.skipped:,} bad ones left out)" if self.skipped else ""),
        ]
        if self.filtered or self.filtered_images:
            lines.append(
                f"filtered     {self.filtered:,} annotations, {self.filtered_images:,} images"
            )
        if self.crowds:
            lines.append(f"crowds       {self.crowds:,}")
        if self.kinds:
            lines.append("shapes       " + _listed(self.kinds))
        if self.subsets:
            lines.append("splits       " + _listed(self.subsets))
        if self.widths and self.heights:
            sizes = f"{self.widths[0]}..{self.widths[1]} x {self.heights[0]}..{self.heights[1]}"
            missing = f" ({self.images_without_size:,} unknown)" if self.images_without_size else ""
            lines.append(f"sizes        {sizes}{missing}")
        elif self.images_without_size:
            lines.append("sizes        unknown; --images DIR reads them from the images")
        used = sum(1 for count in self.labels.values() if count)
        lines.append(f"labels       {len(self.labels):,} ({used:,} used)")
        lines += [f"  {count:>9,}  {name}" for name, count in self.labels.items()]
        lines += [self.report.line(kind) for kind in self.report.codes.values()]
        return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def survey(
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
) -> Survey:
    """Look through a data set; the parameters are those of `dlgeom.convert`."""
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
            sizes=False,
            selection=selection,
        ) as opened,
    ):
        facts = Survey(path=shown_source(path), format=opened.reader.meta.format, report=report)
        _count(facts, opened.reader)
        facts.filtered, facts.filtered_images = getattr(opened.reader, "all_filtered", (0, 0))
    report.filtered, report.filtered_images = facts.filtered, facts.filtered_images
    facts.skipped = report.skipped
    return facts


def _count(facts: Survey, reader: Any) -> None:
    report = facts.report
    labels: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    used: set[int] = set()
    sizes: set[tuple[int, int]] = set()
    seen: set[int] = set()
    for chunk in reader.chunks(grouped=False, needs=frozenset()):
        for item in chunk.items:
            if item.number in seen:
                continue
            seen.add(item.number)
            if item.subset is not None:
                splits[item.subset] += 1
            if item.width and item.height:
                sizes.add((item.width, item.height))
            else:
                facts.images_without_size += 1
        if not len(chunk):
            continue
        facts.annotations += len(chunk)
        facts.crowds += int(np.count_nonzero(chunk.crowd))
        used.update(chunk.items[index].number for index in np.unique(chunk.item).tolist())
        values, counts = np.unique(chunk.label, return_counts=True)
        labels.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        for name, bit in _KINDS.items():
            if count := int(np.count_nonzero(chunk.shapes & bit)):
                kinds[name] += count
    facts.images = len(seen)
    facts.images_without_annotations = len(seen) - len(used)
    facts.subsets = dict(splits)
    facts.kinds = {name: kinds[name] for name in _KINDS if kinds[name]}
    for index, label in enumerate(reader.meta.labels):
        facts.labels[label.name] = facts.labels.get(label.name, 0) + labels[index]
    if labels[-1]:
        facts.labels["(none)"] = labels[-1]
    if sizes:
        facts.widths = min(w for w, _ in sizes), max(w for w, _ in sizes)
        facts.heights = min(h for _, h in sizes), max(h for _, h in sizes)
    report.given = report.written = facts.annotations
