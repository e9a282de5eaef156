"""What each split of a COCO source says of its categories, on the way from reader to writer."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dlgeom.converters.base import Meta
from dlgeom.labels import Label, LabelTable

__all__ = ["OwnLabels", "own_labels"]


class OwnLabels(msgspec.Struct, frozen=True, eq=False):
    """The categories of each split, in file order and with their repeats.

    Labels of a run are one for each id and name, whatever the splits say besides.

    Parameters
    ----------
    table : LabelTable
        The run's labels.
    splits : mapping of str or None to list of (int, Label)
        Split -> position in `table` and the split's own record.
    """

    table: LabelTable
    splits: Mapping[str | None, list[tuple[int, Label]]]


def own_labels(meta: Meta, subset: str | None) -> list[tuple[int, Label]] | None:
    """Return the categories of a split of a COCO source; None where labels were changed since."""
    found = meta.extra.get("coco_categories")
    if not isinstance(found, OwnLabels) or found.table is not meta.labels:
        return None
    return found.splits.get(subset)
