"""Which labels go on, and under which names: ``--label-map``, ``--include-label`` and so on."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import Meta
from dlgeom.converters.inputs import decode_text, read_bytes
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError, UsageError
from dlgeom.labels import Label, LabelTable
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.nearest import near

__all__ = ["LabelChoice", "LabelMap", "Relabelling", "read_label_map"]

LabelMap = Mapping[str, str | None]
"""Old name -> new name; None drops the label."""

_CLOSED = frozenset({"coco", "yolo", "memory"})
"""Formats whose list of classes is complete when they are opened: other classes are errors."""
_LINE = re.compile(
    r"""\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>(?:[^=:]|:(?!\s|$))*?))\s*(?:=|:(?=\s|$))"""
    r"""\s*(?:"(?P<new_quoted>(?:[^"\\]|\\.)*)"|(?P<new>.*?))\s*"""
)
_NOTHING = frozenset({"", "null", "~", "Null", "NULL"})


class LabelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Names are those of the source; renaming comes last.

    Parameters
    ----------
    renamed : dict of str to str or None
        Old name -> new name, None to drop; all at once, so that two names can be exchanged.
        Labels that get the same name become one.
    included : tuple of str, optional
        The labels that are kept; all if there are none.
    excluded : tuple of str
        Labels that are left out.
    """

    renamed: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        label_map: LabelMap | str | Path | None,
        include_labels: Iterable[str],
        exclude_labels: Iterable[str],
        limits: Limits = DEFAULT_LIMITS,
    ) -> LabelChoice | None:
        """Return the choice of the options of `dlgeom.convert`, None if there is none."""
        if isinstance(label_map, Mapping):
            renamed = _checked(label_map, limits, "label_map")
        elif label_map is None:
            renamed = {}
        else:
            renamed = read_label_map(Path(label_map), limits)
        included, excluded = (
            _names(given, what)
            for given, what in (
                (include_labels, "include_labels"),
                (exclude_labels, "exclude_labels"),
            )
        )
        if not (renamed or included or excluded):
            return None
        return cls(renamed=renamed, included=included, excluded=excluded)

    @property
    def drops(self) -> bool:
        """Whether it leaves labels out."""
        return bool(self.included or self.excluded or None in self.renamed.values())

    def new_name(self, name: str) -> str | None:
        """Return the name that a label gets, None if it is left out."""
        if name in self.excluded or (self.included and name not in self.included):
            return None
        return self.renamed.get(name, name)

    def check(self, labels: LabelTable, problems: Problems) -> None:
        """Say which of the names do not occur.

        Raises
        ------
        UsageError
            For a name to include or to exclude; one of the label map is a notice.
        """
        known = labels.names
        there = set(known)
        for what, names in (("include", self.included), ("exclude", self.excluded)):
            for name in names:
                if name not in there:
                    raise UsageError(
                        f"the source has no label {name!r} to {what}.{near(name, known)} "
                        f"Its labels: {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}"
                    )
        missing = [name for name in self.renamed if name not in there]
        if missing:
            problems.notice(
                "ref.category",
                f"the label map names {missing[0]!r}, which is no label of the source"
                f"{'' if len(missing) == 1 else f', and {len(missing) - 1} more'}."
                f"{near(missing[0], known)}",
            )


def _names(given: Iterable[str], what: str) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if not isinstance(name, str):
            raise UsageError(f"{what} has {name!r}; it is a list of label names")
    return tuple(dict.fromkeys(names))


class Relabelling:
    """Turns the indexes of a source's table into those of a new one, as both grow.

    Parameters
    ----------
    choice : LabelChoice
        What is asked for.
    source : LabelTable
        The source's labels.

    Attributes
    ----------
    mixed : set of int
        New labels that stand for several whose poses have different key points.
    """

    def __init__(self, choice: LabelChoice, source: LabelTable) -> None:
        self.choice = choice
        self.source = source
        self.labels = LabelTable()
        self._targets = {name for name in choice.renamed.values() if name is not None}
        self._table: list[int] = []
        self._seen: list[Label] = []
        self.mixed: set[int] = set()
        self.extend()

    def extend(self) -> None:
        """Take in the labels that the source has got since, and what it has learned of others.

        A class may be met before the first pose says which key points it has.
        """
        for index, label in enumerate(self._seen):
            if label is not self.source[index]:
                self._seen[index] = self.source[index]
                self._learn(index)
        for index in range(len(self._table), len(self.source)):
            self._seen.append(self.source[index])
            self._table.append(self._index_of(index))

    def _learn(self, index: int) -> None:
        label, new = self.source[index], self._table[index]
        if new < 0 or not label.keypoints:
            return
        told = self.labels[new]
        known = told.keypoints
        longer = label.keypoints[: len(known)] == known and label.skeleton == told.skeleton
        if not known or longer:
            more = {"keypoints": label.keypoints, "skeleton": label.skeleton}
            self.labels.describe(new, msgspec.structs.replace(told, **more))
        elif (label.keypoints, label.skeleton) != (known, told.skeleton):
            self.mixed.add(new)

    def _index_of(self, index: int) -> int:
        label = self.source[index]
        name = self.choice.new_name(label.name)
        if name is None:
            return -1
        if name in self._targets:
            found = self.labels.find(name)
            if found is not None:
                told = self.labels[found]
                if (label.keypoints, label.skeleton) != (told.keypoints, told.skeleton):
                    self.mixed.add(found)
                return found
            # A label that has the name by itself says what the new one is.
            own = self.source.find(name)
            if own is not None and self.choice.new_name(name) == name:
                label = self.source[own]
        return self.labels.add(
            label if name == label.name else msgspec.structs.replace(label, name=name)
        )

    def state(self) -> tuple[list[Label], list[int]]:
        """Return the new labels, and the new index of each old one."""
        return list(self.labels), list(self._table)

    def with_more(self, labels: Iterable[Label]) -> tuple[list[Label], list[int]]:
        """Return what `state` would be if the source had more labels."""
        other = copy.deepcopy(self)
        for label in labels:
            other.source.add(label)
        other.extend()
        return other.state()

    def __call__(self, index: int) -> int:
        """Return the new index of a label, -1 if it is left out."""
        return self._table[index]

    def left_out(self, label: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which rows have a label that is left out.

        Rows without a label have none to include, so that choosing labels leaves them out;
        excluding or renaming does not.
        """
        gone = np.array([new < 0 for new in self._table] + [bool(self.choice.included)])
        return gone[label]

    @property
    def changes(self) -> bool:
        """Whether the new table differs from the source's."""
        return [*self.labels] != [*self.source]

    def meta(self, meta: Meta) -> Meta:
        """Return what a data set says of itself, with the new labels."""
        extra = dict(meta.extra)
        if "voc_colors" in extra:
            extra["voc_colors"] = self._voc_colors(extra["voc_colors"])
        if "voc_labelmap" in extra:
            extra["voc_labelmap"] = self._voc_map(extra["voc_labelmap"])
        return msgspec.structs.replace(meta, labels=self.labels, extra=extra)

    def _voc_colors(self, colors: Mapping[str, Any]) -> dict[str, Any]:
        """Return the colours of a VOC label map under the new names."""
        names = {name: self.choice.new_name(name) for name in colors}
        found = {new: colors[old] for old, new in reversed(names.items()) if new is not None}
        own = {old: colors[old] for old, new in names.items() if old == new or _no_class(old)}
        return {**found, **own}

    def _voc_map(self, text: str) -> str:
        """Return the text of a VOC label map with the lines that are left, renamed."""
        lines: list[str] = []
        seen: set[str] = set()
        for line in text.splitlines():
            name, *rest = line.rsplit(":", 3) if line.count(":") >= 3 else [line]
            if not line.strip() or line.startswith("#") or _no_class(name):
                lines.append(line)
                continue
            new = self.choice.new_name(name.strip())
            if new is not None and new not in seen:
                seen.add(new)
                lines.append(":".join((new, *rest)))
        return "".join(f"{line}\n" for line in lines)


def _no_class(name: str) -> bool:
    return name.strip("_").lower() in ("background", "ignore", "ignored", "void")


def closed(meta: Meta) -> bool:
    """Whether the labels of a source are complete when it is opened."""
    return meta.format in _CLOSED


# -- files --------------------------------------------------------------------------------------


def read_label_map(path: Path, limits: Limits = DEFAULT_LIMITS) -> dict[str, str | None]:
    """Read a label map: YAML or JSON ``{old: new}``, or lines ``old: new`` or ``old=new``.

    Parameters
    ----------
    path : Path
        ``.json``, ``.yaml`` or ``.yml``; anything else has lines, with ``#`` before comments.
        New names that are null (``null``, ``~`` or nothing) drop the label; names that hold a
        ``:`` or ``=``, blanks around them, or are one of these words, stand in double quotes.

    Raises
    ------
    FormatError
        If it cannot be read.
    """
    shown = path.name
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml"):
        return _checked(_yaml_map(path, limits, shown), limits, shown)
    data = read_bytes(path, limit_name="yaml_bytes", limits=limits, shown=shown, empty=True)
    text, _ = decode_text(data, shown)
    if suffix == ".json" or text.lstrip().startswith("{"):
        return _checked(_json_map(text, shown), limits, shown)
    return _checked(_line_map(text, shown), limits, shown)


def _yaml_map(path: Path, limits: Limits, shown: str) -> dict[str, Any]:
    from dlgeom.converters.yolo.class_yaml import Scalar, load_class_yaml

    found: dict[str, Any] = {}
    for old, new in load_class_yaml(path, limits, shown=shown).items():
        plain = isinstance(new, Scalar)
        found[str(old)] = (None if new.kind == "null" else str(new)) if plain else new
    return found


def _json_map(text: str, shown: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise FormatError(
                    f"key {key!r} comes twice; remove one", code="json.duplicate_key", path=shown
                )
            found[key] = value
        return found

    try:
        values = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"is no JSON ({error})", code="json.syntax", path=shown) from error
    if not isinstance(values, dict):
        raise FormatError(
            'is no object; a label map is {"old": "new", ...}', code="schema.root", path=shown
        )
    return values


def _line_map(text: str, shown: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise FormatError(
                f"{line.strip()[:80]!r} is no 'old: new' or 'old=new'",
                code="schema.names",
                path=shown,
                location=f"line {number}",
            )
        old = parts["plain"] if parts["quoted"] is None else _unquoted(parts["quoted"])
        new = parts["new"] if parts["new_quoted"] is None else _unquoted(parts["new_quoted"])
        if old in found:
            raise FormatError(
                f"{old!r} is named twice; remove one",
                code="yaml.duplicate_key",
                path=shown,
                location=f"line {number}",
            )
        found[old] = None if parts["new_quoted"] is None and new in _NOTHING else new
    return found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _checked(given: Mapping[Any, Any], limits: Limits, shown: str) -> dict[str, str | None]:
    """Return a label map, or raise if it does not map names to names."""
    found: dict[str, str | None] = {}
    for old, new in given.items():
        if not isinstance(old, str) or not (new is None or (isinstance(new, str) and new.strip())):
            raise FormatError(
                f"{old!r} becomes {new!r}; a label map has names on both sides, or null on the "
                "right to drop a label",
                code="schema.names",
                path=shown,
            )
        for name in (old, new or ""):
            limits.check("text", len(name), code="limit.text", what="length of a name", path=shown)
        found[old] = new
    return found
