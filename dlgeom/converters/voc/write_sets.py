"""Image sets of a VOC target: splits, classes with flags, actions of objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import Meta
from dlgeom.converters.names import Claims
from dlgeom.converters.voc.classes import no_class
from dlgeom.converters.voc.read_tree import ACTIONS
from dlgeom.converters.voc.sets import ImageSets, class_file_names, file_name_of_set
from dlgeom.labels import LabelTable

__all__ = ["SetWriter"]

_FLAGS = (" -1", "  0", "  1")
Write = Callable[[str, bytes], None]


class SetWriter:
    """Which images were written, by split, and the lists made of that.

    Parameters
    ----------
    meta : Meta
        A VOC source brings its own image sets, which are kept.
    default : str
        Split of items that name none.
    """

    def __init__(self, meta: Meta, default: str) -> None:
        self._own: ImageSets | None = meta.extra.get("voc_sets") if meta.format == "voc" else None
        self._default = default
        self._stems: list[str] = []
        self._splits: dict[str, list[int]] = {}
        self._segmented: dict[str, list[int]] = {}
        self._classes: list[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]]] = []
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
        number = len(self._stems)
        self._stems.append(stem)
        if self._own is not None:
            self._written[source] = stem
        if subset or not self._plain:
            # An image that no list of a VOC source names stays without one.
            name = subset or self._default
            self._splits.setdefault(name, []).append(number)
            if segmented:
                self._segmented.setdefault(name, []).append(number)

    def add_many(self, subsets: Sequence[str | None], stems: Sequence[str]) -> None:
        """Note images without masks, of a source that is not VOC: splits and stems."""
        first = len(self._stems)
        self._stems += stems
        names = [subset or self._default for subset in subsets]
        for name in dict.fromkeys(names):
            numbers = (k for k, one in enumerate(names, first) if one == name)
            self._splits.setdefault(name, []).extend(numbers)

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
        self._classes.append((images + np.int64(len(self._stems)), labels, difficult))

    def add_tags(self, labels: Iterable[int]) -> None:
        """Note classes of whole images; only their lists tell them."""
        self._tagged.update(labels)

    def add_actions(self, number: int, actions: Iterable[str]) -> None:
        """Note the actions of an object of the image that is added next; 1 is its first."""
        self._actions.setdefault(len(self._stems), {})[number] = frozenset(actions)

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
        first = len(self._stems)
        self._stems += other._stems
        for mine, theirs in (
            (self._splits, other._splits),
            (self._segmented, other._segmented),
        ):
            for name, numbers in theirs.items():
                mine.setdefault(name, []).extend(number + first for number in numbers)
        self._classes += [(images + first, labels, hard) for images, labels, hard in other._classes]
        self._tagged |= other._tagged
        self._actions.update({number + first: v for number, v in other._actions.items()})

    # -- the end ---------------------------------------------------------------------------

    def write(self, write: Write, labels: LabelTable, *, every: bool) -> None:
        """Write all lists.

        Parameters
        ----------
        write : callable
            Takes name and content of a file.
        labels : LabelTable
            The classes.
        every : bool
            Whether all classes get lists, not only those of whole images.
        """
        files = class_file_names(labels.names)
        renamed = self._write_own(write, set(files.values()))
        for kind, lists in (("Main", self._splits), ("Segmentation", self._segmented)):
            for subset, numbers in lists.items():
                text = "".join(f"{self._stems[number]}\n" for number in numbers)
                self._put(write, kind, subset, text)
        chosen = range(len(labels)) if every or renamed else sorted(self._tagged)
        self._write_classes(write, [(k, files[labels[k].name]) for k in chosen])
        self._write_actions(write)

    def _put(self, write: Write, kind: str, name: str, text: str) -> None:
        """Write a list, unless the source has brought one of that name."""
        wanted = f"ImageSets/{kind}/{file_name_of_set(name)}.txt"
        given, taken = self._files.claim(wanted)
        if not (taken and self._own is not None):
            write(given, text.encode())

    def _write_own(self, write: Write, classes: set[str]) -> bool:
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

    def _write_classes(self, write: Write, classes: Sequence[tuple[int, str]]) -> None:
        """Write the lists of some classes, each for each split."""
        if not classes:
            return
        empty = (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.bool_))
        columns = zip(*self._classes, strict=True) if self._classes else ((part,) for part in empty)
        images, labels, difficult = (np.concatenate(parts) for parts in columns)
        for label, name in classes:
            flags = np.zeros(len(self._stems), dtype=np.int8)
            here = labels == label
            flags[images[here]] = 1
            flags[images[here & ~difficult]] = 2
            for subset, numbers in self._splits.items():
                lines = (
                    f"{self._stems[number]}{_FLAGS[flag]}\n"
                    for number, flag in zip(numbers, flags[numbers].tolist(), strict=True)
                )
                self._put(write, "Main", f"{name}_{subset}", "".join(lines))

    def _write_actions(self, write: Write) -> None:
        """Write the lists of actions; a VOC source has its own or none."""
        if self._own is not None or not self._actions:
            return
        seen = {
            name for objects in self._actions.values() for one in objects.values() for name in one
        }
        for subset, numbers in self._splits.items():
            objects = [
                (f"{self._stems[number]} {place:2d}", actions)
                for number in numbers
                for place, actions in self._actions.get(number, {}).items()
            ]
            if not objects:
                continue
            self._put(write, "Action", subset, "".join(f"{key}\n" for key, _ in objects))
            for name in (*ACTIONS, *sorted(seen - set(ACTIONS))):
                lines = (f"{key}{_FLAGS[2 if name in has else 0]}\n" for key, has in objects)
                self._put(write, "Action", f"{name}_{subset}", "".join(lines))
