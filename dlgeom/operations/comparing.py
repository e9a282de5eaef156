"""What differs between two data sets, of any two formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from dlgeom.annotation import Annotation
from dlgeom.converters.base import Meta
from dlgeom.converters.choice import LabelMap
from dlgeom.converters.pipeline import gc_paused, selection_of
from dlgeom.converters.report import Report
from dlgeom.converters.selection import Repeats
from dlgeom.converters.source import OnError, PathLike, Source
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.labels import Label
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.nearest import near
from dlgeom.operations.differing import (
    IMAGE_FIELDS,
    LABEL_FIELDS,
    Comparison,
    Found,
    known_fields,
)
from dlgeom.operations.matching import match_annotations
from dlgeom.operations.opening import open_all
from dlgeom.operations.pairing import Entry, index_of, pair_items, same_stem, walk
from dlgeom.operations.result import DataSetDiff, Difference

__all__ = ["diff"]

ACROSS = 0.01
"""Pixels that do not count between two formats: what their files round numbers to."""


def diff(
    a: PathLike,
    b: PathLike,
    *,
    from_format: str | None = None,
    b_format: str | None = None,
    atol: float | None = None,
    ignore: Iterable[str] = (),
    examples: int | None = 1_000,
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
) -> DataSetDiff:
    """Compare two data sets of any formats.

    Items belong together by name (or its stem), their annotations by equality, id and overlap.

    Parameters
    ----------
    a, b : path
        The data sets; neither is changed.
    from_format, b_format : str, optional
        Their formats; recognised otherwise.
    atol : float, optional
        Largest distance in pixels (of angles in degrees) that is no difference. Default: 0
        between files of one format, 0.01 between two formats.
    ignore : iterable of str
        Fields that do not count: ``score``, ``attributes``, ``id``, ``geometry``, ``missing``,
        ``image.width``, ``category.id``...
    examples : int, optional
        Differences of each field that are kept; all are counted. None keeps all.
    on_error, limits, images, names, ground_truth, subsets, **options
        As for `dlgeom.convert`, for both; an option of a format goes to the one that has it.
    label_map, include_labels, exclude_labels, where
        As for `dlgeom.convert`: what is compared of both.

    Returns
    -------
    DataSetDiff
        ``equal``, ``counts``, ``differences``.

    Raises
    ------
    UsageError
        For a field that does not exist, or a tolerance that is no distance.
    DlgeomError
        As `dlgeom.convert`.
    """
    if atol is not None and not 0 <= atol < float("inf"):
        raise UsageError(f"atol is {atol}; it is a distance in pixels, 0 or more")
    ignored = _checked(ignore)
    reports = Report(), Report()
    selection = selection_of(label_map, include_labels, exclude_labels, where, limits)
    with gc_paused():
        sources = open_all(
            (a, b),
            (from_format, b_format),
            reports,
            on_error=on_error,
            limits=limits,
            images=images,
            names=names,
            ground_truth=ground_truth,
            subsets=subsets,
            selection=selection,
            options=options,
        )
        with sources[0], sources[1]:
            return _Run(sources, reports, atol, ignored, examples).result()


def _checked(ignore: Iterable[str]) -> frozenset[str]:
    ignored = frozenset([ignore] if isinstance(ignore, str) else ignore)
    known = known_fields()
    for name in sorted(ignored):
        if name not in known and not name.startswith("section."):
            raise UsageError(f"ignore has {name!r}; there is no such field.{near(name, known)}")
    return ignored


class _Run:
    """One comparison."""

    def __init__(
        self,
        sources: Sequence[Source],
        reports: Sequence[Report],
        atol: float | None,
        ignored: frozenset[str],
        examples: int | None,
    ) -> None:
        self._sources, self._reports = sources, reports
        self._formats = [source.reader.meta.format for source in sources]
        exact = self._formats[0] == self._formats[1]
        atol = atol if atol is not None else 0.0 if exact else ACROSS
        self._compare = Comparison(atol, exact=exact)
        self._ignored = ignored
        self._examples = examples
        self._counts: Counter[str] = Counter()
        self._kept: dict[str, list[Difference]] = {}
        self._least: dict[str, float] = {}
        self._most: dict[str, float] = {}
        self._items = [0, 0, 0]
        self._annotations = [0, 0, 0]

    def result(self) -> DataSetDiff:
        """Read both and say what differs."""
        first, second = self._sources
        told = [Repeats(source.problems) for source in self._sources]
        with told[0].ahead(), told[1].ahead():
            known = index_of(first.reader), index_of(second.reader)
        self._splits = all(len({item.subset for item in side}) > 1 for side in known)
        partner = pair_items(*known)
        # Names of items that are those of the files say nothing where there is one on each side.
        own = [
            len(items) == 1 and source.path is not None and items[0].name == source.path.name
            for items, source in zip(known, self._sources, strict=True)
        ]
        self._own_names = all(own)
        if self._own_names:
            partner = {known[0][0].number: known[1][0].number}
        with told[0].reading(), told[1].reading():
            for one, two in walk(first.reader, second.reader, partner):
                self._pair(one, two)
        # The tables are complete after reading only.
        self._labels(list(first.reader.meta.labels), list(second.reader.meta.labels))
        self._sections(first.reader.meta, second.reader.meta)
        return self._settled()

    # -- items -------------------------------------------------------------------------------

    def _pair(self, one: Entry | None, two: Entry | None) -> None:
        for side, entry in enumerate((one, two)):
            if entry is not None:
                self._items[side] += 1
                self._annotations[side] += len(entry.annotations)
                self._compare.count(side, entry.annotations)
                self._compare.count_values(side, "image", entry.item, IMAGE_FIELDS)
        if one is None or two is None:
            entry, name = (one, "missing") if two is None else (two, "added")
            if entry is not None:
                count = len(entry.annotations)
                what = f"with {count} annotation{'' if count == 1 else 's'}"
                self._add(Found(f"image.{name}", what), entry.item.name)
            return
        self._items[2] += 1
        names = [name for name in IMAGE_FIELDS if self._counts_of_item(name, one.item, two.item)]
        for found in self._compare.values("image", one.item, two.item, names):
            self._add(found, one.item.name)
        self._match(one, two)

    def _counts_of_item(self, name: str, one: Item, two: Item) -> bool:
        """Whether a field of two items is compared.

        Splits are named after files where there is one only; names of images end as files do.
        """
        if name == "subset":
            return self._splits
        if name == "name" and not self._compare.exact:
            return not self._own_names and not same_stem(one.name, two.name)
        return not (name == "name" and self._own_names)

    def _match(self, one: Entry, two: Entry) -> None:
        matched = match_annotations(one.annotations, two.annotations)
        self._annotations[2] += len(matched.pairs)
        name = one.item.name
        for i, j in sorted(matched.pairs.items()):
            mine, theirs = one.annotations[i], two.annotations[j]
            for found in self._compare.annotations(mine, theirs):
                self._add(found, name, (mine, theirs), (one.places[i], two.places[j]))
        for i in matched.left:
            mine = one.annotations[i]
            self._add(Found("missing", _shown(mine)), name, (mine, None), (one.places[i], None))
        for j in matched.right:
            theirs = two.annotations[j]
            self._add(Found("added", _shown(theirs)), name, (None, theirs), (None, two.places[j]))

    # -- what belongs to the whole -----------------------------------------------------------

    def _labels(self, first: list[Label], second: list[Label]) -> None:
        rest = list(second)
        for side, labels in enumerate((first, second)):
            for label in labels:
                self._compare.count_values(side, "category", label, LABEL_FIELDS)
        for label in first:
            # Of several classes of one name the equal ones belong together.
            same = [other for other in rest if other.name == label.name]
            if not same:
                self._add(Found("category.missing", "class of A only"), None, label=label.name)
                continue
            other = min(same, key=lambda other: (other != label, other.id != label.id))
            rest.remove(other)
            # Ids of classes mean something else in each format.
            names = [name for name in LABEL_FIELDS if self._compare.exact or name != "id"]
            for found in self._compare.values("category", label, other, names):
                self._add(found, None, label=label.name)
        for other in rest:
            self._add(Found("category.added", "class of B only"), None, label=other.name)

    def _sections(self, first: Meta, second: Meta) -> None:
        if not self._compare.exact:
            return
        for name in {**first.sections, **second.sections}:
            one, two = (_section(meta, name) for meta in (first, second))
            if one != two:
                self._add(Found(f"section.{name}", "differs at the root of the file"), None)

    # -- counting ----------------------------------------------------------------------------

    def _add(
        self,
        found: Found,
        item: str | None,
        pair: tuple[Annotation | None, Annotation | None] = (None, None),
        places: tuple[str | None, str | None] = (None, None),
        label: str | None = None,
    ) -> None:
        field = found.field
        if field in self._ignored or (field.startswith("section.") and "section" in self._ignored):
            return
        self._counts[field] += 1
        if found.iou is not None:
            self._least[field] = min(found.iou, self._least.get(field, 1.0))
        if found.distance is not None:
            self._most[field] = max(found.distance, self._most.get(field, 0.0))
        kept = self._kept.setdefault(field, [])
        if self._examples is not None and len(kept) >= self._examples:
            return
        named = next((one.label for one in pair if one is not None), label)
        kept.append(
            Difference(
                field=field,
                item=item,
                label=named,
                a_id=None if pair[0] is None else pair[0].id,
                b_id=None if pair[1] is None else pair[1].id,
                a_place=places[0],
                b_place=places[1],
                text=found.text,
                iou=found.iou,
                distance=found.distance,
            )
        )

    def _settled(self) -> DataSetDiff:
        """Leave out what one of two formats has nowhere: that is no difference of the data."""
        left: dict[str, str] = {}
        for field in list(self._counts):
            side = self._compare.one_sided(field)
            if side is not None:
                left[field] = "ab"[side]
                del self._counts[field]
                self._kept.pop(field, None)
        return DataSetDiff(
            paths=(self._sources[0].shown, self._sources[1].shown),
            formats=(self._formats[0], self._formats[1]),
            images=(self._items[0], self._items[1], self._items[2]),
            annotations=(self._annotations[0], self._annotations[1], self._annotations[2]),
            atol=self._compare.atol,
            counts=dict(self._counts.most_common()),
            differences=list(_in_order(self._kept, self._counts)),
            least_iou=self._least,
            most_pixels=self._most,
            not_compared=left,
            reports=(self._reports[0], self._reports[1]),
        )


def _in_order(kept: dict[str, list[Difference]], counts: Counter[str]) -> Iterator[Difference]:
    for field, _ in counts.most_common():
        yield from kept.get(field, ())


def _shown(one: Annotation) -> str:
    text = repr(one.annotation_definition)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _section(meta: Meta, name: str) -> Any:
    """Return a section as values; records are compared one by one."""
    if name not in meta.sections:
        return msgspec.UNSET
    raw = meta.sections[name]
    return msgspec.json.decode(raw) if raw else None
