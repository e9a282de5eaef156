"""`split`: a data set in parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from dlgeom.converters import pipeline, registry
from dlgeom.converters.base import Reader
from dlgeom.converters.choice import LabelMap
from dlgeom.converters.places import holding
from dlgeom.converters.report import Report
from dlgeom.converters.resume import Run
from dlgeom.converters.selection import Repeats
from dlgeom.converters.source import OnError, PathLike, Source
from dlgeom.errors import UsageError
from dlgeom.filters.columns import Columns
from dlgeom.filters.fields import field_of, is_image, needs_of
from dlgeom.filters.tree import Field
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.operations.dividing import Unit, checked_parts, divide
from dlgeom.operations.opening import format_for, open_all
from dlgeom.operations.wrapping import ChangedItems, without_own_lists

__all__ = ["Split", "split"]


class Split(msgspec.Struct, kw_only=True):
    """What a split did.

    Parameters
    ----------
    report : Report
        As of a conversion.
    images : dict of str to int
        Images of each part.
    labels : dict of str to dict
        Label -> part -> images of the part that have the label.
    """

    report: Report
    images: dict[str, int]
    labels: dict[str, dict[str, int]]

    def summary(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**self.report.summary(), "parts": self.images, "labels": self.labels}

    def table(self) -> str:
        """Return the table of parts and labels, for a terminal."""
        names = list(self.images)
        rows = [("", *names), ("images", *(f"{self.images[name]:,}" for name in names))]
        for label, counts in sorted(self.labels.items()):
            rows.append((f"with {label}", *(f"{counts.get(name, 0):,}" for name in names)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                text.rjust(width) if place else text.ljust(width)
                for place, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        )


@holding("source")
def split(
    source: PathLike,
    target: PathLike,
    parts: Mapping[str, float],
    *,
    seed: int = 0,
    stratify: bool = False,
    group: str | None = None,
    from_format: str | None = None,
    to_format: str | None = None,
    task: str | None = None,
    images: PathLike | None = None,
    image_files: Literal["none", "copy", "link"] = "none",
    frames: str = "annotated",
    ground_truth: PathLike | None = None,
    names: PathLike | None = None,
    subsets: Sequence[str] = (),
    on_error: OnError = "raise",
    limits: Limits = DEFAULT_LIMITS,
    overwrite: bool = False,
    dry_run: bool = False,
    report: PathLike | None = None,
    resume: bool = False,
    progress: pipeline.Progress | None = None,
    label_map: LabelMap | PathLike | None = None,
    include_labels: Iterable[str] = (),
    exclude_labels: Iterable[str] = (),
    where: str | None = None,
    **options: Any,
) -> Split:
    """Write a data set in parts, the splits of the target.

    Parameters
    ----------
    source, target : path
        What to read, and what to write. Splits that the source has are taken together.
    parts : mapping of str to float
        Name -> share; shares add up to 1 (or 100).
    seed : int, default 0
        Which of the many splits. One seed gives one split, whatever the order of the files and
        the format: an item's part follows from its name and what the data set holds.
    stratify : bool, default False
        Whether each label shall have its share in each part.
    group : str, optional
        Items that have the same value stay in one part: ``folder``, or a field of images such as
        ``image.metadata.user.camera``. Items without a value are groups of their own.
    from_format, to_format, task, images, image_files, frames, ground_truth, names, subsets
        As for `dlgeom.convert`; the format to write is the source's own if not given.
    on_error, limits, overwrite, dry_run, report, resume, progress, label_map, include_labels
        As for `dlgeom.convert`.
    exclude_labels, where, **options
        As for `dlgeom.convert`.

    Returns
    -------
    Split
        The report of the conversion, and what went where.

    Raises
    ------
    UsageError
        For parts that do not make a whole, a field that images do not have, a target that is one
        file.
    DlgeomError
        As `dlgeom.convert`.
    """
    include_labels = pipeline.listed(include_labels)
    exclude_labels = pipeline.listed(exclude_labels)
    run = Run.of("split", locals())
    shares = checked_parts(parts)
    field = None if group in (None, "folder") else _field(str(group))
    entry = registry.format_of(source, from_format, limits)
    wanted = format_for(entry, target, to_format)
    if registry.is_single_file(wanted, Path(target)):
        raise UsageError(
            f"{Path(target).name!r} is one file, which has no room for splits. Name a folder"
        )
    selection = pipeline.selection_of(label_map, include_labels, exclude_labels, where, limits)
    with (
        pipeline.gc_paused(),
        pipeline.open_target(
            target,
            source=source,
            format=wanted.name,
            image_files=image_files,
            overwrite=overwrite,
            dry_run=dry_run,
            report=report,
            run=run,
            resume=resume,
        ) as place,
    ):
        [opened] = open_all(
            [source],
            [entry.name],
            [place.report],
            to=wanted,
            on_error=on_error,
            limits=limits,
            images=images,
            names=names,
            ground_truth=ground_truth,
            subsets=subsets,
            selection=selection,
            options=options,
        )
        with opened:
            told = Repeats(opened.problems)
            with told.ahead():
                units = _units(opened.reader, by_folder=group == "folder", field=field)
            chosen = divide(units, shares, seed, stratify=stratify)
            meta = without_own_lists(opened.reader.meta, subsets=list(shares), subset_sections={})
            reader = ChangedItems(opened.reader, _put(chosen), meta, told)
            pipeline.write_source(
                Source(reader, opened.problems, format=entry, path=opened.path),
                place,
                task=task,
                image_files=image_files,
                frames=frames,
                limits=limits,
                options=options,
                progress=progress,
            )
        return _result(place.report, units, chosen, shares)


def _field(name: str) -> Field:
    field = field_of(name.split("."))
    if not is_image(field):
        raise UsageError(
            f"group is {name!r}, a field of annotations; items are grouped by 'folder' or by a "
            "field of images such as image.metadata.user.camera"
        )
    return field


def _units(reader: Reader, *, by_folder: bool, field: Field | None) -> list[Unit]:
    """Read once and return what stays together."""
    items: dict[int, Item] = {}
    labels: dict[int, set[int]] = {}
    values: dict[int, Any] = {}
    needs = frozenset() if field is None else needs_of({field})
    for chunk in reader.chunks(grouped=False, needs=needs):
        for item in chunk.items:
            items.setdefault(item.number, item)
        if field is not None:
            for item, value in zip(
                chunk.items, Columns(chunk).of_items(field).tolist(), strict=True
            ):
                if values.get(item.number) is None:
                    values[item.number] = value
        if len(chunk):
            numbers = np.array([item.number for item in chunk.items], dtype=np.int64)[chunk.item]
            pairs = np.unique(np.stack((numbers, chunk.label)), axis=1).T
            for number, label in pairs.tolist():
                if label >= 0:
                    labels.setdefault(number, set()).add(label)
    found: dict[str, Unit] = {}
    for number, item in items.items():
        name = item.name or ""
        if by_folder:
            key = f"folder {name.strip('/').rpartition('/')[0]}"
        elif values.get(number) is not None:
            key = f"value {values[number]!r}"
        else:
            # Two items of one name would be told apart by their order only: they stay together.
            key = f"item {name.lstrip('/')}"
        unit = found.setdefault(key, Unit(key, []))
        unit.items.append(number)
        unit.labels.update(reader.meta.labels[k].name for k in labels.get(number, ()))
    return list(found.values())


def _put(chosen: Mapping[int, str]) -> Any:
    def change(item: Item) -> Item:
        return msgspec.structs.replace(item, subset=chosen[item.number])

    return change


def _result(
    report: Report, units: Sequence[Unit], chosen: Mapping[int, str], parts: Mapping[str, float]
) -> Split:
    images: Counter[str] = Counter(chosen.values())
    labels: dict[str, dict[str, int]] = {}
    for unit in units:
        name = chosen[unit.items[0]]
        for label, count in unit.labels.items():
            counts = labels.setdefault(label, dict.fromkeys(parts, 0))
            counts[name] += count
    return Split(report=report, images={name: images[name] for name in parts}, labels=labels)
