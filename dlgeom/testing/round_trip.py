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
    ones come back. Where nothing is told to be lost, the annotations that come back are those
    that were written; what the format says in addition (ids, stored boxes...) does not count.
    What came back is something the format holds, so that writing and reading it once more
    changes nothing and drops nothing. Where nothing was written, nothing is read.

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
        if not kept:
            return
        if back != kept or report.read != kept + report.dropped:
            raise AssertionError(
                f"{format}: {report.read} records were read, {report.written} are told as "
                f"written, {report.approximated} as approximated and {report.dropped} as "
                f"dropped, but {back} came back from the file"
            )
        if not (report.approximated or report.dropped or report.fields):
            # A format may say more: ids, stored boxes, the split.
            assert_rules(
                first,
                list(source),
                f"{format}: nothing is told to be lost, but what comes back is something else:",
                msgspec.structs.replace(rules, added=True),
            )
        again = Dataset.from_pairs(first, labels)
        report, second, _ = _trip(again, format, home / f"second{suffix}", reading, writing)
        if report.dropped:
            raise AssertionError(
                f"{format}: of what came back from the file, {report.dropped} of {report.read} "
                "records are dropped when it is written once more"
            )
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
    if not report.written + report.approximated:
        # Formats of one file for each item may have left none.
        return report, [], LabelTable()
    with Dataset.open(target, format=name, **(reading or {})) as read:
        return report, list(read), LabelTable(read.labels)
