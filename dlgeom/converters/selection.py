"""A reader in front of another one that lets through what was chosen, under new names.

One stream transform for all formats: rows are selected and labels exchanged on the columns of
chunks. Nothing of it stands in the way of a run that chooses nothing.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import OTHER, Chunk
from dlgeom.chunk_poses import add_points
from dlgeom.converters.base import ALL, Meta, Reader
from dlgeom.converters.choice import LabelChoice, Relabelling, closed
from dlgeom.converters.problems import Entry, Problems
from dlgeom.filters.columns import Columns, Memory
from dlgeom.filters.evaluate import any_in_chunk, items_possible, rows_where
from dlgeom.filters.fields import is_image, needs_of, needs_sizes
from dlgeom.filters.parser import parse
from dlgeom.filters.tree import AnyOf, Constant, Node, fields_of, has_any, walk
from dlgeom.labels import Label, LabelTable

if TYPE_CHECKING:
    from dlgeom.converters.parallel.units import Cut

__all__ = ["SelectedReader", "Selection"]

Bools = NDArray[np.bool_]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is chosen: a condition, labels, or both.

    Parameters
    ----------
    where : Node, optional
        The condition that annotations have to meet. Names of labels are those of the source.
    choice : LabelChoice, optional
        Labels to keep and to rename.
    """

    where: Node | None = None
    choice: LabelChoice | None = None

    @classmethod
    def of(
        cls,
        label_map: Any,
        include_labels: Any,
        exclude_labels: Any,
        where: str | Node | None,
        limits: Any,
    ) -> Selection | None:
        """Return what the options of `dlgeom.convert` choose, None if that is everything."""
        node = parse(where) if isinstance(where, str) else where
        choice = LabelChoice.of(label_map, include_labels, exclude_labels, limits)
        if node is None and choice is None:
            return None
        return cls(where=node, choice=choice)

    @property
    def drops(self) -> bool:
        """Whether it may leave records out."""
        return self.where is not None or (self.choice is not None and self.choice.drops)

    @property
    def needs(self) -> frozenset[str]:
        """Costly columns that the condition asks for."""
        return frozenset() if self.where is None else needs_of(fields_of(self.where))

    @property
    def needs_sizes(self) -> bool:
        """Whether the condition asks for pixels."""
        return self.where is not None and needs_sizes(fields_of(self.where))

    def over(self, reader: Reader, problems: Problems | None) -> SelectedReader:
        """Put it in front of a reader.

        Raises
        ------
        UsageError
            For labels to include or exclude that the source does not have.
        """
        return SelectedReader(reader, self, problems)


class SelectedReader:
    """A reader of what a selection leaves; see `dlgeom.converters.base.Reader`.

    Parameters
    ----------
    reader : Reader
        Where everything comes from.
    selection : Selection
        What is let through.
    problems : Problems
        What the reader tells of bad records; nothing is told twice if it is read twice.
    part : bool
        Whether it is a part of a data set, whose names are checked elsewhere.
    labels : Relabelling, optional
        That of the whole data set.

    Attributes
    ----------
    filtered, filtered_items : int
        Records and images that the last reading left out.
    """

    def __init__(
        self,
        reader: Reader,
        selection: Selection,
        problems: Problems | None,
        *,
        part: bool = False,
        labels: Relabelling | None = None,
    ) -> None:
        self._reader = reader
        self._selection = selection
        self._told = Repeats(problems)
        self.filtered = self.filtered_items = 0
        self._labels: Relabelling | None = None
        self._checked = part
        self._part = part
        if selection.choice is not None:
            self._labels = labels or Relabelling(selection.choice, reader.meta.labels)
            if closed(reader.meta):
                self._check()
        where = selection.where
        self._joins = where is not None and has_any(where)
        self._items_go = where is not None and _may_drop_images(where)
        self._gone: set[int] = set()
        self.meta = self._new_meta()

    def _new_meta(self) -> Meta:
        meta = self._reader.meta
        if self._labels is not None:
            meta = self._labels.meta(meta)
        if "voc_sets" in meta.extra:
            meta = msgspec.structs.replace(meta, extra={**meta.extra, **_sets_anew(meta)})
        return meta

    @property
    def all_filtered(self) -> tuple[int, int]:
        """Records and images left out by the last reading, here and by selections before."""
        before = getattr(self._reader, "all_filtered", (0, 0))
        return self.filtered + before[0], self.filtered_items + before[1]

    def _check(self) -> None:
        if self._labels is not None and not self._checked:
            self._checked = True
            self._labels.choice.check(self._reader.meta.labels, self._told.problems or Problems())

    # -- in parts --------------------------------------------------------------------------

    @property
    def learns(self) -> bool:
        """Whether there is something that `learn_points` might add."""
        mixed = self._labels is not None and bool(self._labels.mixed)
        return mixed or hasattr(self._reader, "learn_points")

    @property
    def source(self) -> Reader:
        """Where everything comes from."""
        return self._reader

    @property
    def found(self) -> LabelTable:
        """The classes under the names of the source."""
        return self._reader.meta.labels

    @property
    def once(self) -> Any:
        """What the source tells once, where it has such."""
        source: Any = self._reader
        return source.once

    @once.setter
    def once(self, told: Any) -> None:
        source: Any = self._reader
        source.once = told

    def cut(self, *, grouped: bool, needs: frozenset[str]) -> Cut | None:
        """Return the data set as parts for other processes, None where it stays whole."""
        source: Any = self._reader
        if not hasattr(source, "cut") or isinstance(source, SelectedReader):
            return None
        if self._joins and not grouped:
            return None  # it is read twice
        from dlgeom.converters.parallel.selected import cut_selected

        needs = needs | self._selection.needs
        cut = source.cut(grouped=grouped, needs=needs)
        return None if cut is None else cut_selected(cut, self, self._selection)

    def of_part(self, reader: Reader) -> SelectedReader:
        """Return what is left of a part of the source, which this process reads."""
        return SelectedReader(reader, self._selection, None, part=True, labels=self._labels)

    @contextlib.contextmanager
    def in_parts(self) -> Iterator[None]:
        """Stand for one reading, whose parts are read in the block."""
        self.filtered = self.filtered_items = 0
        with self._told.reading():
            yield
        self._check()

    @property
    def chosen(self) -> tuple[int, int, list[Label], list[int]] | None:
        """What the reading of a part has left out, and the new classes; None for the whole."""
        if not self._part:
            return None
        grows = self._labels is not None and not closed(self._reader.meta)
        state = self._labels.state() if grows and self._labels is not None else ([], [])
        return self.filtered, self.filtered_items, *state

    def agrees(self, chosen: tuple[int, int, list[Label], list[int]], known: list[Label]) -> bool:
        """Whether a part, and its new classes of the source, have the new names that they get here.

        One process takes in what it finds chunk by chunk, and knows at each at least what the part
        has known there, and at most what is known here with all of the part's; what is found of a
        name stays. So where both ends are the same, what is between them is too.
        """
        if self._labels is None or closed(self._reader.meta):
            return True
        return self._labels.with_more(known) == (chosen[2], chosen[3])

    def take(self, chosen: tuple[int, int, list[Label], list[int]]) -> None:
        """Count what a part has left out; its classes are in the source's table."""
        self.filtered += chosen[0]
        self.filtered_items += chosen[1]
        if self._labels is not None:
            self._labels.extend()

    # -- reading ---------------------------------------------------------------------------

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs, keypoints, other are left."""
        if not self._selection.drops:
            return self._reader.kinds()
        with self._told.ahead():
            chunks = self.chunks(grouped=False, needs=frozenset({"other"}))
            return set().union(*(chunk.kinds() for chunk in chunks))

    def learn_points(self) -> None:
        """Add the key points to the classes that only later poses of them have.

        Only poses that travel as objects have others than their class: those of a source of
        objects, and those of labels that have become one.
        """
        learn = getattr(self._reader, "learn_points", None)
        if learn is not None:
            learn()
        if learn is None and not (self._labels is not None and self._labels.mixed):
            return
        with self._told.ahead():
            for chunk in self.chunks(grouped=False, needs=frozenset({"keypoints"})):
                add_points(chunk)

    def count(self) -> int | None:
        """Return how many images there are, None if the condition may leave some out."""
        return None if self._items_go else self._reader.count()

    def close(self) -> None:
        """Close the files that the reader holds open."""
        close = getattr(self._reader, "close", None)
        if callable(close):
            close()

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield what is left; columns not in `needs` may be empty."""
        self.filtered = self.filtered_items = 0
        needs = needs | self._selection.needs
        if self._labels is not None and self._labels.mixed:
            needs = ALL  # what could be copied has to be made anew
        answers = None
        if self._joins and not grouped:
            answers = self._answers()
        memory: Memory | None = None if grouped else {}
        self._gone = set()
        with self._told.reading():
            for chunk in self._reader.chunks(grouped=grouped, needs=needs):
                left = self._left(chunk, answers, memory)
                # All of its images have come before where that is how the source is read: an
                # empty chunk would look like images without records.
                hollow = len(chunk) > 0 and not len(left) and self._reader.meta.items_first
                if (left.items or not chunk.items) and (grouped or not hollow):
                    yield left
        self._check()

    def _left(self, chunk: Chunk, answers: Any, memory: Memory | None) -> Chunk:
        """Return what is left of a chunk."""
        keep = np.ones(len(chunk), dtype=np.bool_)
        labels, where = self._labels, self._selection.where
        if labels is not None:
            labels.extend()
            if labels.choice.drops:
                keep = ~labels.left_out(chunk.label)
        stay: Bools | None = None
        if where is not None:
            columns = Columns(chunk, memory)
            keep &= rows_where(where, columns, answers)
            if self._items_go:
                stay = items_possible(where, columns, answers)
        if stay is not None and not stay.all():
            keep &= stay[chunk.item]
            self._count_items(chunk, np.flatnonzero(~stay).tolist())
        self.filtered += int(len(keep) - np.count_nonzero(keep))
        if not keep.all():
            chunk = chunk.select(np.flatnonzero(keep))
        if stay is not None and not stay.all():
            chunk = with_items(chunk, np.flatnonzero(stay))
        if labels is not None:
            chunk = _states_renamed(chunk, labels.choice)
            chunk = chunk.relabel(labels, labels.labels)
            if labels.mixed:
                chunk = _made_anew(chunk, labels.mixed)
        return chunk

    def _count_items(self, chunk: Chunk, places: list[int]) -> None:
        """Count images that are left out, each once."""
        for place in places:
            number = chunk.items[place].number
            if number < 0 or number not in self._gone:
                self.filtered_items += 1
                self._gone.add(number)

    def _answers(self) -> Callable[[AnyOf, Columns], Bools]:
        """Read once to learn for which images each ``any`` holds."""
        assert self._selection.where is not None
        asked = [node for node in walk(self._selection.where) if isinstance(node, AnyOf)]
        found: dict[AnyOf, set[int]] = {node: set() for node in asked}
        memory: Memory = {}
        with self._told.ahead():
            for chunk in self._reader.chunks(grouped=False, needs=self._selection.needs):
                columns = Columns(chunk, memory)
                for node, numbers in found.items():
                    places = np.flatnonzero(any_in_chunk(node, columns))
                    numbers.update(chunk.items[place].number for place in places.tolist())

        def answer(node: AnyOf, columns: Columns) -> Bools:
            numbers = found[node]
            items = columns.chunk.items
            return np.array([item.number in numbers for item in items], dtype=np.bool_)

        return answer


def _states_renamed(chunk: Chunk, choice: LabelChoice) -> Chunk:
    """Return a chunk whose states over frames have the new names; the first has the column's."""
    changed: dict[int, Any] = {}
    for row, other in chunk.others.items():
        if any(choice.renamed.get(state.label) for state in other.later):
            changed[row] = other.copy()
            changed[row].later = tuple(_state_renamed(state, choice) for state in other.later)
    if not changed:
        return chunk
    return msgspec.structs.replace(chunk, others={**chunk.others, **changed})


def _state_renamed(state: Any, choice: LabelChoice) -> Any:
    name = choice.renamed.get(state.label) or state.label
    shape = state.annotation_definition.replace(label=name)
    return msgspec.structs.replace(state, annotation_definition=shape)


def _made_anew(chunk: Chunk, mixed: set[int]) -> Chunk:
    """Return a chunk without the source's text of poses whose class has other points now."""
    posed = (chunk.keypoints.lengths > 0) | ((chunk.shapes & np.uint8(OTHER)) != 0)
    rows = posed & np.isin(chunk.label, list(mixed))
    if chunk.origin.spans is None or not rows.any():
        return chunk
    spans = np.where(rows[:, None], 0, chunk.origin.spans)
    return msgspec.structs.replace(chunk, origin=msgspec.structs.replace(chunk.origin, spans=spans))


def _may_drop_images(node: Node) -> bool:
    """Whether a condition can be false whatever the annotations of an image say."""
    constant = any(isinstance(one, AnyOf | Constant) for one in walk(node))
    return constant or any(is_image(field) for field in fields_of(node))


def _sets_anew(meta: Meta) -> dict[str, Any]:
    """Return the image sets of a VOC source, but those that say where a class occurs.

    These get a class that is none, so that the writer makes them anew of what is left.
    """
    sets = meta.extra["voc_sets"]
    lists = [
        msgspec.structs.replace(entry, topic=f"\0{entry.topic}")
        if entry.kind == "Main" and entry.topic
        else entry
        for entry in sets.lists
    ]
    return {"voc_sets": msgspec.structs.replace(sets, lists=lists)}


def with_items(chunk: Chunk, places: NDArray[np.intp]) -> Chunk:
    """Return a chunk with some of its items in a new order; no row mentions any other.

    Rows keep their order, so that this is for items that ascend, or chunks of one item.
    """
    new = np.full(len(chunk.items), -1, dtype=np.int32)
    new[places] = np.arange(len(places))
    listed = places.tolist()
    origin = chunk.origin
    changes: dict[str, Any] = {}
    if len(origin.paths):
        changes["paths"] = [origin.paths[place] for place in listed]
    frames = getattr(origin, "frames", ())
    if len(frames):
        changes["frames"] = tuple(frames[place] for place in listed)
    return msgspec.structs.replace(
        chunk,
        items=[chunk.items[place] for place in listed],
        item=new[chunk.item],
        origin=msgspec.structs.replace(origin, **changes) if changes else origin,
    )


class Repeats:
    """Keeps what is told of bad records from being told twice where a source is read twice.

    Parameters
    ----------
    problems : Problems, optional
        Whom the source tells.
    """

    def __init__(self, problems: Problems | None) -> None:
        self.problems = problems
        self._before: Counter[int] = Counter()
        self._now: Counter[int] = Counter()
        self._ahead = 0

    @contextlib.contextmanager
    def ahead(self) -> Iterator[None]:
        """Read ahead in the block: what is told will come again."""
        self._ahead += 1
        self._now = Counter()
        if self.problems is not None:
            self.problems.guard = self._fresh
        try:
            yield
        finally:
            self._ahead -= 1
            self._now = Counter()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Read in the block; what was told ahead is not told again."""
        self._now = Counter()
        try:
            yield
        finally:
            if not self._ahead:
                self._before.clear()
                if self.problems is not None:
                    self.problems.guard = None

    def _fresh(self, entry: Entry) -> bool:
        """Whether an entry is told for the first time."""
        key = hash((entry.status, entry.code, entry.message, entry.path, entry.location))
        self._now[key] += 1
        fresh = self._now[key] > self._before[key]
        if self._ahead and fresh:
            self._before[key] = self._now[key]
        return fresh
