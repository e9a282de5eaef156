"""`assert_round_trip`: a law for those who write a converter."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from dlgeom.annotation import AnnotationCollection
from dlgeom.dataset import Dataset
from dlgeom.item import Item
from dlgeom.labels import LabelTable
from dlgeom.testing.assertions import assert_rules
from dlgeom.testing.differences import Rules

__all__ = ["assert_round_trip"]

Pair = tuple[Item, AnnotationCollection]

ADDED = frozenset(
    {
        *("id", "stored_bounds", "stored_area", "extra", "metadata"),
        *("width", "height", "fps", "frame_count", "exif_orientation", "subset"),
    }
)
"""Fields of annotations and items that a format may say although nobody did."""


def assert_round_trip(
    dataset: Dataset | Iterable[Pair],
    format: str,  # noqa: A002 - as in Dataset.write
    *,
    folder: str | os.PathLike[str] | None = None,
    suffix: str = "",
    ordered: bool = True,
    atol: float = 0.0,
    ids: bool = True,
    ignore: Iterable[str] = (),
    reading: dict[str, Any] | None = None,
    **writing: Any,
) -> None:
    """Raise unless a format gives back what was written, but for what its report tells.

    Three laws. Each record ends as written, approximated or dropped, and all but the dropped
    ones come back. Where nothing is told to be lost, the items and annotations that come back
    are those that were written; what a format has to say in addition does not count where
    nothing was said before: ids, stored boxes and areas, unknown fields, and what is known of an
    item. What came back is something the format holds, so that writing and reading it once more
    changes nothing, drops nothing and approximates no more records than before. Where there
    is no item, or no file is left because all was dropped, nothing is read.

    Parameters
    ----------
    dataset : Dataset or iterable of (Item, AnnotationCollection)
        What to write.
    format : str
        Name of a registered format, yours or one of ours.
    folder : path, optional
        Where to write; a temporary folder if not given. It is left as it is after a failure.
    suffix : str, optional
        Suffix of the target, such as ``.json``, for a format of a single file.
    ordered, atol, ids, ignore
        As for `assert_same_annotations`.
    reading : dict, optional
        Options of `dlgeom.open_dataset`.
    **writing
        Options of `Dataset.write`: task, subset, and those of the format.

    Raises
    ------
    AssertionError
        If one of the laws is broken; the message says which one and where.

    Examples
    --------
    >>> from dlgeom.definitions import Box
    >>> item = Item(name="a.jpg", width=64, height=48)
    >>> found = item.annotations.builder()
    >>> found.add(Box(1, 2, 30, 40, "cat"))
    >>> assert_round_trip([(item, found)], "coco")
    """
    __tracebackhide__ = True
    with TemporaryDirectory() as made:
        home = Path(made if folder is None else folder)
        rules = Rules(ordered=ordered, atol=atol, ids=ids, ignore=frozenset(ignore))
        source = dataset if isinstance(dataset, Dataset) else Dataset.from_pairs(dataset)
        report, first, labels = _trip(source, format, home / f"first{suffix}", reading, writing)
        kept = report.written + report.approximated
        back = sum(len(found) for _, found in first)
        if back != kept or report.read != kept + report.dropped:
            raise AssertionError(
                f"{format}: {report.read} records were read, {report.written} are told as "
                f"written, {report.approximated} as approximated and {report.dropped} as "
                f"dropped, but {back} came back from the file"
            )
        if not (report.approximated or report.dropped or report.fields):
            # A format may have to say more, ids and stored boxes for one. What was said, and all
            # that means something (label, score, geometry), is compared.
            assert_rules(
                first,
                list(source),
                f"{format}: nothing is told to be lost, but what comes back is something else:",
                msgspec.structs.replace(rules, added=ADDED),
            )
        again = Dataset.from_pairs(first, labels)
        second_report, second, _ = _trip(again, format, home / f"second{suffix}", reading, writing)
        if second_report.dropped:
            raise AssertionError(
                f"{format}: of what came back from the file, {second_report.dropped} of "
                f"{second_report.read} records are dropped when it is written once more"
            )
        # A file may hold a shape as something else and still give it back (a rotated box in
        # COCO: four corners and an angle); then it is approximated each time, and not more often.
        if second_report.approximated > report.approximated:
            raise AssertionError(
                f"{format}: {report.approximated} records were approximated; of what came back "
                f"{second_report.approximated} are when it is written once more"
            )
        # What came back is all that the format can say: nothing may be added any more.
        assert_rules(
            second, first, f"{format}: a second way there and back changes something:", rules
        )


def _trip(
    dataset: Dataset,
    name: str,
    target: Path,
    reading: dict[str, Any] | None,
    writing: dict[str, Any],
) -> tuple[Any, list[Pair], LabelTable]:
    """Write and read; return the report, what came back, and its labels."""
    report = dataset.write(target, format=name, **writing)
    left = target.is_file() or any(path.is_file() for path in target.rglob("*"))
    if not left or next(iter(dataset), None) is None:
        # Formats of one file for each item have none without an item, or nothing but names.
        return report, [], LabelTable()
    with Dataset.open(target, format=name, **(reading or {})) as read:
        return report, list(read), LabelTable(read.labels)
