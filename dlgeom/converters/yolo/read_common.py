"""What every layout of a YOLO data set comes down to."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.yolo.class_yaml import DataYaml
from dlgeom.converters.yolo.read_splits import Entry
from dlgeom.converters.yolo.read_tree import Tree
from dlgeom.errors import FormatError

__all__ = ["Layout", "chosen", "common_folder", "named_apart"]


class Layout(msgspec.Struct, kw_only=True):
    """A data set as found.

    Parameters
    ----------
    tree : Tree
        Its folder.
    data : DataYaml
        Names and what else its class file says.
    entries : list of Entry
        One for each image.
    images_root : str, optional
        Folder of the images relative to the data set, where there is one.
    own : bool
        Whether dlgeom wrote it (``images.csv``).
    classify : bool
        Whether folders are the labels.
    """

    tree: Tree
    data: DataYaml
    entries: list[Entry]
    images_root: str | None = None
    own: bool = False
    classify: bool = False


def chosen(entries: list[Entry], context: ReadContext) -> list[Entry]:
    """Return the entries of the splits that the user asked for."""
    if not context.subsets:
        return entries
    wanted = set(context.subsets)
    known = {entry.subset for entry in entries}
    missing = wanted - known
    if missing:
        raise FormatError(
            f"there is no split {sorted(missing)[0]!r}; the data set has "
            f"{', '.join(sorted(str(name) for name in known))}. Name one of them",
            code="schema.field",
        )
    return [entry for entry in entries if entry.subset in wanted]


def common_folder(folders: Iterable[str | None]) -> str | None:
    """Return the folder that all of those given are below, None if there are none."""
    known = [folder for folder in folders if folder is not None]
    if not known:
        return None
    return os.path.commonpath([f"/{folder}" for folder in known])[1:]


def named_apart(entries: list[Entry], context: ReadContext) -> list[Entry]:
    """Return each image of a split once, and under a name of its own.

    Images from two folders ``images`` that would have one name get the folders that tell them
    apart; an image that two lists of one split name is read once.
    """
    apart: dict[str | None, set[str]] = {}
    for entry in entries:
        apart.setdefault(entry.subset, set()).add(entry.name)
    if sum(map(len, apart.values())) == len(entries):
        return entries
    del apart
    kept: dict[tuple[str | None, str, str | None], Entry] = {}
    for entry in entries:
        key = entry.subset, entry.image or entry.name, entry.label
        if kept.setdefault(key, entry) is not entry:
            context.problems.notice(
                "record.duplicate",
                f"image {entry.name!r} is named twice by one split; it is read once",
                path=entry.image or entry.label,
            )
    names = Counter((entry.subset, entry.name) for entry in kept.values())
    for entry in kept.values():
        if names[entry.subset, entry.name] > 1:
            folder = (entry.image or entry.label or "").rpartition("/")[0]
            base = entry.name.rpartition("/")[2]
            entry.name = f"{folder}/{base}" if folder else base
    return list(kept.values())
