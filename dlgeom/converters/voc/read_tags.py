"""Classes of whole images, from the lists of classes in ``ImageSets/Main``.

A flag of 1 or 0 repeats what the objects of the image say; where the image has no such object,
it is a tag of the image, the only thing that an image classification data set has.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from dlgeom.converters.problems import Problems
from dlgeom.converters.voc.classes import no_class
from dlgeom.converters.voc.read_columns import Columns
from dlgeom.converters.voc.sets import ImageSets, class_file_names
from dlgeom.labels import LabelTable

__all__ = ["Flags", "Tagger"]

Flags = dict[str, dict[str, int]]
"""Stem of an image -> topic of a list -> its flag there."""


class Tagger:
    """Compares flags with objects and adds the tags.

    Parameters
    ----------
    sets : ImageSets
        The lists.
    stems : set of str
        Stems of the images.
    labels : LabelTable
        Known classes: the list of ``a/b`` is named ``a_b``. Classes that only lists have are
        added.
    """

    def __init__(self, sets: ImageSets, stems: set[str], labels: LabelTable) -> None:
        self._lists: dict[str, dict[str, str]] = {}
        self._flags: Flags = {}
        topics = sets.classes
        if not topics:
            return
        known = {file: name for name, file in class_file_names(labels.names).items()}
        self._name_of = {topic: known.get(topic, topic) for topic in topics}
        for name in self._name_of.values():
            if not no_class(name):
                labels.index(name)
        for entry in sets.lists:
            if entry.kind == "Main" and entry.topic:
                self._lists.setdefault(entry.subset, {})[entry.topic] = entry.key
        self._flags = sets.flags(stems)

    @property
    def used(self) -> bool:
        """Whether there are lists of classes."""
        return bool(self._lists)

    def flags_of(self, stems: Iterable[str]) -> Flags:
        """Return what the lists say of some images."""
        return {stem: self._flags[stem] for stem in stems if stem in self._flags}

    def of_part(self, flags: Flags) -> Tagger:
        """Return one for some of the images."""
        part = copy.copy(self)
        part._flags = flags
        return part

    def add(self, stem: str, subset: str | None, columns: Columns, problems: Problems) -> None:
        """Add the tags of the image in work, whose objects are there."""
        if not self._lists:
            return
        there = {columns.name(row) for row in columns.rows_of_last()}
        flags = self._flags.get(stem, {})
        for topic, flag in flags.items():
            name = self._name_of[topic]
            if name not in there:
                columns.add_tag(name, difficult=flag == 0)
        for topic, key in self._lists.get(subset or "", {}).items():
            if topic not in flags and self._name_of[topic] in there:
                problems.notice(
                    "value.invalid",
                    f"has an object {self._name_of[topic]!r} that ImageSets/{key}.txt does not "
                    "count; the object holds",
                    path=columns.paths[-1],
                )
