"""Image sets of a VOC target: splits, classes with flags, actions of objects."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import Meta
from dlgeom.converters.names import Claims
from dlgeom.converters.output import Output
from dlgeom.converters.rows import Rows
from dlgeom.converters.voc.classes import no_class
from dlgeom.converters.voc.read_tree import ACTIONS
from dlgeom.converters.voc.sets import ImageSets, class_file_names, file_name_of_set
from dlgeom.labels import LabelTable

__all__ = ["SetWriter"]

_FLAGS = (" -1", "  0", "  1")
_REST = " -1\n"
# The bytes of the flags 0 and 1 in the place of " -1".
_SHOWN = np.frombuffer(b" -1  0  1", dtype=np.uint8).reshape(3, 3)

_IMAGE = np.dtype([("length", np.uint32), ("split", np.int32), ("segmented", np.bool_)])
_CLASS = np.dtype([("image", np.int64), ("label", np.int32), ("difficult", np.bool_)])
_AT_ONCE = 1 << 16
_WAITING = 1 << 12
Bytes = NDArray[np.uint8]
Block = tuple[Bytes, NDArray[np.int64], NDArray[np.int64]]
"""Lines of lists, with the flag -1; where each ends; the images that they name."""


class SetWriter:
    """Which images were written, by split, and the lists made of that.

    Parameters
    ----------
    meta : Meta
        A VOC source brings its own image sets, which are kept.
    default : str
        Split of items that name none.
    share : int
        Bytes that may be in memory, for lines and classes each; what is more is on disk.
    """

    def __init__(self, meta: Meta, default: str, share: int = 32 << 20) -> None:
        self._own: ImageSets | None = meta.extra.get("voc_sets") if meta.format == "voc" else None
        self._default = default
        self._share = share
        self._count = 0
        # Stem, place of the split and whether it is segmented, of the images that came last.
        self._fresh: list[tuple[str, int, bool]] = []
        self._lines = Rows(np.uint8, share)
        self._images = Rows(_IMAGE, share)
        self._splits: dict[str, int] = {}
        self._segmented: dict[str, None] = {}
        self._classes = Rows(_CLASS, share)
        self._tagged: set[int] = set()
        self._actions: dict[int, dict[int, frozenset[str]]] = {}
        self._written: dict[str, str] = {}
        self._moved: dict[str, dict[int, int]] = {}
        self._files = Claims()
        self.numbered = self._own is not None and self._own.numbered
        self._plain = self._own is not None and any(not one.topic for one in self._own.lists)

    # -- images and objects, as they come --------------------------------------------------

    def add(self, subset: str | None, source: str, stem: str, *, segmented: bool) -> None:
        """Note an image: its stem in the source and in the target."""
        if self._own is not None:
            self._written[source] = stem
        split = -1
        if subset or not self._plain:
            # An image that no list of a VOC source names stays without one.
            name = subset or self._default
            split = self._splits.setdefault(name, len(self._splits))
            if segmented:
                self._segmented[name] = None
        self._fresh.append((stem, split, segmented))
        self._count += 1
        if len(self._fresh) >= _WAITING:
            self._settle()

    def _settle(self) -> None:
        """Put away the images that came last."""
        if self._fresh:
            stems, splits, segmented = zip(*self._fresh, strict=True)
            self._fresh.clear()
            self._put_away(stems, splits, segmented)

    def _put_away(
        self, stems: Sequence[str], splits: Sequence[int], segmented: Sequence[bool] | bool
    ) -> None:
        text = _REST.join(stems) + _REST
        images = np.empty(len(stems), dtype=_IMAGE)
        images["split"], images["segmented"] = splits, segmented
        lengths: Iterable[int] = map(len, stems)
        if not text.isascii():
            lengths = (len(stem.encode()) for stem in stems)
        images["length"] = np.fromiter(lengths, np.int64, len(stems)) + len(_REST)
        self._images.append(images)
        self._lines.append(np.frombuffer(text.encode(), dtype=np.uint8))

    def add_many(self, subsets: Sequence[str | None], stems: Sequence[str]) -> None:
        """Note images without masks, of a source that is not VOC: splits and stems."""
        if not stems:
            return
        self._settle()
        names = [subset or self._default for subset in subsets]
        for name in dict.fromkeys(names):
            self._splits.setdefault(name, len(self._splits))
        self._put_away(stems, [self._splits[name] for name in names], False)
        self._count += len(stems)

    def add_classes(
        self, images: NDArray[np.int32], labels: NDArray[np.int32], difficult: NDArray[np.bool_]
    ) -> None:
        """Note which classes the images that come next have.

        Parameters
        ----------
        images : ndarray of int, shape (N,)
            Image of each record; 0 is the one that is added next.
        labels : ndarray of int32, shape (N,)
            Its class.
        difficult : ndarray of bool, shape (N,)
            Whether it is a difficult one.
        """
        rows = np.empty(len(images), dtype=_CLASS)
        rows["image"] = images + np.int64(self._count)
        rows["label"], rows["difficult"] = labels, difficult
        self._classes.append(rows)

    def add_tags(self, labels: Iterable[int]) -> None:
        """Note classes of whole images; only their lists tell them."""
        self._tagged.update(labels)

    def add_actions(self, number: int, actions: Iterable[str]) -> None:
        """Note the actions of an object of the image that is added next; 1 is its first."""
        self._actions.setdefault(self._count, {})[number] = frozenset(actions)

    def add_numbers(self, source: str, places: Sequence[int]) -> None:
        """Note which objects of an image of the source, from 0, are left."""
        if list(places) != list(range(len(places))):
            self._moved[source] = {old + 1: new for new, old in enumerate(places, start=1)}

    # -- in parts --------------------------------------------------------------------------

    @property
    def divisible(self) -> bool:
        """Whether parts may be noted by other processes: there are no lists of a VOC source."""
        return self._own is None

    def merge(self, other: SetWriter) -> None:
        """Note what another process has noted of the images that come next."""
        self._settle()
        other._settle()
        first = self._count
        self._count += other._count
        # The last one stands for images without a split.
        places = [self._splits.setdefault(name, len(self._splits)) for name in other._splits]
        mine = np.array([*places, -1], dtype=np.int32)
        self._segmented.update(other._segmented)
        for images in other._images.slices(_AT_ONCE):
            images["split"] = mine[images["split"]]
            self._images.append(images)
        for lines in other._lines.slices(16 * _AT_ONCE):
            self._lines.append(lines)
        for rows in other._classes.slices(_AT_ONCE):
            rows["image"] += first
            self._classes.append(rows)
        self._tagged |= other._tagged
        self._actions.update({number + first: v for number, v in other._actions.items()})

    # -- the end ---------------------------------------------------------------------------

    def write(self, output: Output, labels: LabelTable, *, every: bool) -> None:
        """Write all lists.

        Parameters
        ----------
        output : Output
            The target.
        labels : LabelTable
            The classes.
        every : bool
            Whether all classes get lists, not only those of whole images.
        """
        self._settle()
        files = class_file_names(labels.names)
        renamed = self._write_own(output.write, set(files.values()))
        for subset in self._splits:
            self._put(output, "Main", subset, map(_bare, self._blocks(subset)))
        for subset in self._segmented:
            blocks = self._blocks(subset, segmented=True)
            self._put(output, "Segmentation", subset, map(_bare, blocks))
        chosen = range(len(labels)) if every or renamed else sorted(self._tagged)
        self._write_classes(output, [(k, files[labels[k].name]) for k in chosen])
        self._write_actions(output)

    def _put(self, output: Output, kind: str, name: str, pieces: Iterator[bytes]) -> None:
        """Write a list, unless the source has brought one of that name."""
        wanted = f"ImageSets/{kind}/{file_name_of_set(name)}.txt"
        given, taken = self._files.claim(wanted)
        if taken and self._own is not None:
            return
        first, more = next(pieces, b""), next(pieces, None)
        if more is None:
            output.write(given, first)
            return
        with output.file(given) as file:
            for piece in itertools.chain((first, more), pieces):
                file.write(piece)

    def _blocks(self, subset: str, *, segmented: bool = False) -> Iterator[Block]:
        """Yield the lines of a split, many at a time."""
        split, place, number = self._splits[subset], 0, 0
        for images in self._images.slices(_AT_ONCE):
            lengths = images["length"].astype(np.int64)
            size = int(lengths.sum())
            text = self._lines.read(place, place + size)
            place += size
            numbers = np.arange(number, number + len(images))
            number += len(images)
            here = images["split"] == split
            if segmented:
                here &= images["segmented"]
            if not here.all():
                text = text[np.repeat(here, lengths)]
                lengths, numbers = lengths[here], numbers[here]
            if len(numbers):
                yield text, np.cumsum(lengths), numbers

    def _write_own(self, write: Callable[[str, bytes], None], classes: set[str]) -> bool:
        """Write the lists of a VOC source for what is left; return whether classes are gone."""
        gone = False
        if self._own is None:
            return gone
        known = set(self._written)
        for entry in self._own.lists:
            is_class = entry.kind == "Main" and entry.topic and not no_class(entry.topic)
            if is_class and entry.topic not in classes:
                gone = True
                continue
            text = self._own.rewritten(entry, self._written.get, known, self._number)
            if text or not self._own.text(entry).strip():
                name = f"ImageSets/{entry.key}.txt"
                self._files.claim(name)
                write(name, text.encode())
        return gone

    def _number(self, source: str, number: int) -> int | None:
        places = self._moved.get(source)
        return number if places is None else places.get(number)

    def _write_classes(self, output: Output, classes: Sequence[tuple[int, str]]) -> None:
        """Write the lists of some classes, each for each split."""
        if not classes:
            return
        # The lines of a split are those of each of its classes, but for the flags.
        small = not (self._lines.on_disk or self._images.on_disk)
        kept = {subset: list(self._blocks(subset)) for subset in self._splits} if small else {}
        for label, name in classes:
            flags = np.zeros(self._count, dtype=np.int8)
            for rows in self._classes.slices(_AT_ONCE):
                rows = rows[rows["label"] == label]
                images, difficult = rows["image"], rows["difficult"]
                flags[images] = np.maximum(flags[images], 1)
                flags[images[~difficult]] = 2
            for subset in self._splits:
                blocks = kept[subset] if small else self._blocks(subset)
                pieces = (_flagged(block, flags) for block in blocks)
                self._put(output, "Main", f"{name}_{subset}", pieces)

    def _write_actions(self, output: Output) -> None:
        """Write the lists of actions; a VOC source has its own or none."""
        if self._own is not None or not self._actions:
            return
        seen = {
            name for objects in self._actions.values() for one in objects.values() for name in one
        }
        for subset in self._splits:
            objects = [
                (f"{stem} {place:2d}", actions)
                for block in self._blocks(subset)
                for stem, number in _stems(block, self._actions.keys())
                for place, actions in self._actions[number].items()
            ]
            if not objects:
                continue
            text = "".join(f"{key}\n" for key, _ in objects)
            self._put(output, "Action", subset, iter([text.encode()]))
            for name in (*ACTIONS, *sorted(seen - set(ACTIONS))):
                text = "".join(f"{key}{_FLAGS[2 if name in has else 0]}\n" for key, has in objects)
                self._put(output, "Action", f"{name}_{subset}", iter([text.encode()]))


def _bare(block: Block) -> bytes:
    """Return lines without their flags."""
    text, ends, _ = block
    kept = np.ones(len(text), dtype=np.bool_)
    for back in (4, 3, 2):
        kept[ends - back] = False
    return text[kept].tobytes()


def _flagged(block: Block, flags: NDArray[np.int8]) -> bytes:
    """Return lines with the flags of the images: 0 is -1, 1 is 0, 2 is 1."""
    text, ends, numbers = block
    flags = flags[numbers]
    there = np.flatnonzero(flags)
    text = text.copy()
    text[ends[there, None] + np.arange(-4, -1)] = _SHOWN[flags[there]]
    return text.tobytes()


def _stems(block: Block, chosen: Collection[int]) -> Iterator[tuple[str, int]]:
    """Yield stem and number of the chosen images."""
    text, ends, numbers = block
    for place, number in enumerate(numbers.tolist()):
        if number in chosen:
            start = int(ends[place - 1]) if place else 0
            yield text[start : int(ends[place]) - len(_REST)].tobytes().decode(), number
