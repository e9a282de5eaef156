"""Image sets: ``ImageSets/<kind>/<name>.txt``, one stem a line.

Beside the plain lists there are lists of a class, ``<class>_<name>.txt`` with a flag (1 there,
-1 not there, 0 only difficult ones), and numbers of objects in ``Layout`` and ``Action``
(formats page, section 3.3).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.inputs import decode_text, read_bytes
from dlgeom.errors import FormatError, UsageError

__all__ = ["ImageSets", "read_sets"]

_KINDS = ("Main", "Segmentation", "Layout", "Action")
_FIRST = ("train", "val", "valid", "test")
_LAST = ("trainval",)
_FLAGGED = re.compile(r"(\S(?:.*\S)?)[ \t]+(-?[0-9]+)(?:[ \t]+(-?[0-9]+))?")


def _rank(name: str) -> tuple[int, str]:
    if name in _FIRST:
        return _FIRST.index(name), ""
    return (len(_FIRST) + (name in _LAST), name)


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        line = line.strip(" \t\r\n")
        if line and not line.startswith("#"):
            yield line


class ImageSets(msgspec.Struct):
    """The image sets of a data set.

    Parameters
    ----------
    texts : dict of str to str
        ``Main/train`` -> text of the file.
    listed : dict of str to list of str
        The entries of the plain lists, those that name images without more.
    """

    texts: dict[str, str] = msgspec.field(default_factory=dict)

    def _is_of_class(self, key: str) -> bool:
        kind, _, name = key.partition("/")
        parts = name.split("_")
        ends = ("_".join(parts[k:]) for k in range(1, len(parts)))
        if not any(f"{kind}/{end}" in self.texts for end in ends):
            return False
        return all(_FLAGGED.fullmatch(line) for line in _lines(self.texts[key]))

    def plain(self) -> list[str]:
        """Return the keys of the plain lists, in the order in which they count."""
        keys = [key for key in self.texts if not self._is_of_class(key)]

        def place(key: str) -> tuple[int, str, tuple[int, str]]:
            kind, _, name = key.partition("/")
            known = _KINDS.index(kind) if kind in _KINDS else len(_KINDS)
            return known, kind, _rank(name)

        return sorted(keys, key=place)

    def membership(self, stems: set[str], asked: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Return stem -> split, and the splits in their order.

        An image that is in several lists belongs to the first of train, val, test, others;
        ``trainval``, the union of two, comes last. With splits asked for, only those count.
        """
        member: dict[str, str] = {}
        names: list[str] = []
        for key in self.plain():
            name = key.partition("/")[2]
            if name not in names:
                names.append(name)
        wanted = [name for name in names if name in asked] if asked else names
        if asked and names and not wanted:
            raise UsageError(f"the data set has no split {asked[0]!r}; it has {', '.join(names)}")
        for key in self.plain():
            name = key.partition("/")[2]
            if name in wanted:
                for line in _lines(self.texts[key]):
                    member.setdefault(_stem(line, stems), name)
        return member, sorted(names, key=_rank)

    def rewritten(self, key: str, stem: Callable[[str], str | None], stems: set[str]) -> str:
        """Return the text of a list with the stems that were written, under their new names."""
        lines = []
        for line in _lines(self.texts[key]):
            old = _stem(line, stems)
            new = stem(old)
            if new is not None:
                rest = line[len(old) :] if line.startswith(old) else ""
                lines.append(new + rest)
        return "".join(f"{line}\n" for line in lines)


def _stem(line: str, stems: set[str]) -> str:
    """Return the stem that a line of a list names."""
    if line in stems:
        return line
    flagged = _FLAGGED.fullmatch(line)
    if flagged:
        return flagged.group(1)
    base, dot, suffix = line.rpartition(".")
    return base if dot and base in stems and suffix.isalnum() else line


def read_sets(root: Path, context: ReadContext) -> ImageSets:
    """Read all lists below ``ImageSets``; a bad one is told and left out."""
    sets = ImageSets()
    folder = root / "ImageSets"
    if not folder.is_dir():
        return sets
    for kind in sorted(os.listdir(folder)):
        if not (folder / kind).is_dir() or kind.startswith("."):
            continue
        for name in sorted(os.listdir(folder / kind)):
            shown = f"ImageSets/{kind}/{name}"
            if not name.endswith(".txt") or name.startswith("."):
                continue
            try:
                data = read_bytes(
                    folder / kind / name, limits=context.limits, shown=shown, empty=True
                )
                sets.texts[f"{kind}/{name[:-4]}"] = decode_text(data, shown)[0]
            except FormatError as error:
                context.problems.file(error)
    return sets
