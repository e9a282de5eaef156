"""Image sets: ``ImageSets/<kind>/<name>.txt``, one stem a line.

Beside the plain lists, which tell the splits, there are lists of a class,
``Main/<class>_<name>.txt`` with a flag for each image (1 there, -1 not there, 0 only difficult
ones), lists of an action, ``Action/<action>_<name>.txt`` with the number of an object and a flag,
and numbers of objects in ``Layout`` (formats page, section 3.3). Texts stay in their files; they
are read again when a VOC target gets them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.inputs import decode_text, read_bytes
from dlgeom.converters.names import Claims, output_name
from dlgeom.errors import FormatError, UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["ImageSets", "SetList", "class_file_names", "file_name_of_set", "read_sets"]

_KINDS = ("Main", "Segmentation", "Layout", "Action")
_NUMBERED = frozenset({"Layout", "Action"})
_FIRST = ("train", "val", "valid", "test")
_LAST = ("trainval",)
_COMMON = frozenset({*_FIRST, *_LAST, "validation", "default"})
_ONE = re.compile(r"(\S(?:.*\S)?)[ \t]+(-?[0-9]+)")
_TWO = re.compile(r"(\S(?:.*\S)?)[ \t]+(-?[0-9]+)[ \t]+(-?[0-9]+)")
_MORE = re.compile(r"^[ \t]*(\S(?:.*\S)?)[ \t]+([01])[ \t]*\r?$", re.MULTILINE)
_FLAGS = frozenset({"1", "0", "-1"})
_QUOTED = re.compile(r'"([^"]+)"[ \t]*')


class SetList(msgspec.Struct, frozen=True):
    """One list: its kind (folder), its name, and what it is about.

    Parameters
    ----------
    kind, name : str
        ``Main`` and ``cat_train`` for ``ImageSets/Main/cat_train.txt``; the kind is "" for a list
        that lies in ``ImageSets`` itself.
    subset : str
        The split it speaks of: ``train``.
    topic : str
        The class or action whose list it is; "" for a plain list.
    """

    kind: str
    name: str
    subset: str
    topic: str = ""

    @property
    def columns(self) -> re.Pattern[str]:
        """What its lines look like: the stem, then one number or two."""
        return _TWO if self.topic and self.kind == "Action" else _ONE

    @property
    def key(self) -> str:
        """Kind and name, the path below ``ImageSets`` without its ending."""
        return f"{self.kind}/{self.name}" if self.kind else self.name


def file_name_of_set(name: str) -> str:
    """Return the name of a list without its ending, as every file system can have it.

    Examples
    --------
    >>> file_name_of_set("potted plant_train"), file_name_of_set("a/b_val")
    ('potted plant_train', 'a_b_val')
    """
    clean = re.sub(r"[/\\\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]", "_", name)
    return output_name(clean.lstrip(". ") or "_")


def class_file_names(names: Iterable[str]) -> dict[str, str]:
    """Return class -> what the names of its lists begin with; no two share one.

    Reader and writer ask with the classes in the order of ``labelmap.txt``.

    Examples
    --------
    >>> class_file_names(["a/b", "a_b"])
    {'a/b': 'a_b', 'a_b': 'a_b_2'}
    """
    claims = Claims()
    return {name: claims.claim(file_name_of_set(name))[0] for name in names}


def _rank(name: str) -> tuple[int, str]:
    if name in _FIRST:
        return _FIRST.index(name), ""
    return (len(_FIRST) + (name in _LAST), name)


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        line = line.strip(" \t\r\n")
        if line and not line.startswith("#"):
            yield line


def _endings(name: str) -> list[str]:
    """Return what may be the split in a name of the form ``<topic>_<split>``, longest first."""
    parts = name.split("_")
    return ["_".join(parts[k:]) for k in range(1, len(parts)) if "_".join(parts[:k])]


class ImageSets(msgspec.Struct):
    """The image sets of a data set.

    Parameters
    ----------
    folder : Path
        ``ImageSets``.
    lists : list of SetList
        All lists; plain ones first, in the order in which they count.
    limits : Limits
        For reading.
    """

    folder: Path = Path()
    lists: list[SetList] = msgspec.field(default_factory=list)
    limits: Limits = DEFAULT_LIMITS

    def text(self, entry: SetList) -> str:
        """Return the text of a list."""
        shown = f"ImageSets/{entry.key}.txt"
        path = self.folder / entry.kind / f"{entry.name}.txt"
        return decode_text(read_bytes(path, limits=self.limits, shown=shown, empty=True), shown)[0]

    @property
    def classes(self) -> list[str]:
        """Classes that have lists, sorted."""
        return sorted({entry.topic for entry in self.lists if entry.kind == "Main"} - {""})

    @property
    def numbered(self) -> bool:
        """Whether a list may name objects by their number."""
        return any(entry.kind in _NUMBERED for entry in self.lists)

    def membership(self, stems: set[str], asked: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Return stem -> split, and the splits in their order.

        An image that is in several lists belongs to the first of train, val, test, others;
        ``trainval``, the union of two, comes last. With splits asked for, only those count.
        Lists of classes count for a split that has no other list.
        """
        member: dict[str, str] = {}
        plain = {entry.subset for entry in self.lists if not entry.topic}
        telling = [
            entry
            for entry in self.lists
            if not entry.topic or (entry.subset not in plain and entry.kind == "Main")
        ]
        names = list(dict.fromkeys(entry.subset for entry in telling))
        wanted = [name for name in names if name in asked] if asked else names
        if asked and names and not wanted:
            raise UsageError(f"the data set has no split {asked[0]!r}; it has {', '.join(names)}")
        for entry in telling:
            if entry.subset in wanted:
                for line in _lines(self.text(entry)):
                    member.setdefault(_stem(line, stems, entry), entry.subset)
        return member, sorted(names, key=_rank)

    def beyond(self, member: dict[str, str], stems: set[str], asked: Sequence[str]) -> list[str]:
        """Return the lists that splits do not tell: ``trainval``, numbers of objects.

        Lists of classes repeat what the objects say, or become tags of the image. With splits
        asked for, only theirs count.
        """
        found = []
        for entry in self.lists:
            if (entry.topic and entry.kind == "Main") or (asked and entry.subset not in asked):
                continue
            lines = list(_lines(self.text(entry)))
            if any(member.get(_stem(line, stems, entry)) != entry.subset for line in lines) or (
                entry.kind in _NUMBERED
                and any(line not in stems and entry.columns.fullmatch(line) for line in lines)
            ):
                found.append(f"ImageSets/{entry.key}")
        return found

    def flags(self, stems: set[str]) -> dict[str, dict[str, int]]:
        """Return stem -> class -> flag, of the flags 1 and 0 in the lists of classes."""
        found: dict[str, dict[str, int]] = {}
        for entry in sorted(self.lists, key=lambda entry: entry.topic):
            if not entry.topic or entry.kind != "Main":
                continue
            for name, flag in _MORE.findall(self.text(entry)):
                flags = found.setdefault(_unquoted(name, stems), {})
                flags[entry.topic] = max(int(flag), flags.get(entry.topic, 0))
        return found

    def rewritten(
        self,
        entry: SetList,
        stem: Callable[[str], str | None],
        stems: set[str],
        numbers: Callable[[str, int], int | None],
    ) -> str:
        """Return the text of a list for the images and objects that were written.

        Parameters
        ----------
        stem : callable
            Stem in the source -> stem in the target, None for an image that was left out.
        stems : set of str
            Stems of the source.
        numbers : callable
            Stem in the source and number of an object, from 1 -> its number in the target, None
            for an object that was left out.
        """
        lines = []
        for line in _lines(self.text(entry)):
            old = _stem(line, stems, entry)
            new = stem(old)
            if new is None:
                continue
            columns = entry.columns.fullmatch(line) if entry.kind in _NUMBERED else None
            if columns and line not in stems:
                number = numbers(old, int(columns[2]))
                if number is None:
                    continue
                if number != int(columns[2]):
                    line = line[: columns.start(2)] + str(number) + line[columns.end(2) :]
            if new != old:
                rest = line[len(old) :] if line.startswith(old) else ""
                line = new + rest
            lines.append(line)
        return "".join(f"{line}\n" for line in lines)


def _unquoted(text: str, stems: Collection[str]) -> str:
    """Return a stem without the quotes that datumaro puts around blanks."""
    quoted = _QUOTED.fullmatch(text)
    return quoted[1] if quoted and text not in stems else text


def _stem(line: str, stems: set[str], entry: SetList) -> str:
    """Return the stem that a line of a list names."""
    if line in stems:
        return line
    if line.startswith('"'):
        # Numbers may follow the closing quote.
        name = line[1:].partition('"')[0]
        if name in stems:
            return name
    columns = entry.columns.fullmatch(line)
    if columns:
        name = _unquoted(columns[1], stems)
        if name in stems or entry.topic or entry.kind in _NUMBERED:
            return name
    base, dot, suffix = line.rpartition(".")
    return base if dot and base in stems and suffix.isalnum() else line


class _Look(msgspec.Struct):
    """What a list looks like: whether it has lines, whether some and all of them have flags."""

    lines: bool = False
    some: bool = False
    every: bool = True


def _look(kind: str, text: str, stems: Collection[str]) -> _Look:
    """Look for the columns of a list of a class or an action."""
    look = _Look()
    pattern = _ONE if kind == "Main" else _TWO
    for line in _lines(text):
        look.lines = True
        if line not in stems:
            # The common line without a regular expression.
            columns = line.rsplit(None, 1) if kind == "Main" else ()
            if len(columns) == 2 and columns[1] in _FLAGS:
                look.some = True
                continue
            match = pattern.fullmatch(line)
            if match:
                look.some = True
                look.every = look.every and match[pattern.groups] in _FLAGS
                continue
        look.every = False
    return look


def _entry(kind: str, name: str, plain: set[str], look: _Look) -> SetList:
    """Tell a plain list from that of a class or an action, by its name and its columns."""
    endings = _endings(name) if kind in ("Main", "Action") else []
    subset = next((end for end in endings if end in plain), None)
    if subset is None and endings and look.some and look.every:
        # No plain list of that split: the flags have to be beyond doubt.
        subset = next((end for end in endings if end in _COMMON), endings[-1])
    if subset is None or (look.lines and not look.some):
        return SetList(kind, name, name)
    return SetList(kind, name, subset, name[: -len(subset) - 1])


def _check_flags(entry: SetList, text: str, context: ReadContext) -> None:
    """Tell the lines of a class or an action that have no flag."""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip(" \t\r\n")
        columns = entry.columns.fullmatch(line)
        if line and line[0] != "#" and not (columns and columns[entry.columns.groups] in _FLAGS):
            context.problems.warning(
                "value.invalid",
                f"{line[:60]!r} has no flag; it ends with 1, 0 or -1. Correct the line",
                path=f"ImageSets/{entry.key}.txt",
                location=f"line {number}",
            )


def read_sets(root: Path, context: ReadContext, stems: Collection[str]) -> ImageSets:
    """Find all lists below ``ImageSets``; one that cannot be read is told and left out.

    Parameters
    ----------
    root : Path
        The data set.
    context : ReadContext
        Its problems are told.
    stems : collection of str
        Stems of the images; blanks and numbers may be part of them.
    """
    sets = ImageSets(root / "ImageSets", limits=context.limits)
    if not sets.folder.is_dir():
        return sets
    looks: dict[tuple[str, str], _Look] = {}
    for kind in ["", *sorted(os.listdir(sets.folder))]:
        if not (sets.folder / kind).is_dir() or kind.startswith("."):
            continue
        for file in sorted(os.listdir(sets.folder / kind)):
            if not file.endswith(".txt") or file.startswith("."):
                continue
            try:
                text = sets.text(SetList(kind, file[:-4], ""))
            except FormatError as error:
                context.problems.file(error)
            else:
                looks[kind, file[:-4]] = _look(kind, text, stems)
    plain = {name for (_, name), look in looks.items() if "_" not in name or not look.some}
    plain -= {name for (_, name), look in looks.items() if "_" in name and not look.lines}
    for (kind, name), look in looks.items():
        entry = _entry(kind, name, plain - {name}, look)
        if entry.topic and not look.every:
            _check_flags(entry, sets.text(entry), context)
        sets.lists.append(entry)
    sets.lists.sort(key=_place)
    return sets


def _place(entry: SetList) -> tuple[bool, int, str, tuple[int, str]]:
    known = _KINDS.index(entry.kind) if entry.kind in _KINDS else len(_KINDS)
    return bool(entry.topic), known, entry.kind, _rank(entry.name)
