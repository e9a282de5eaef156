"""What every layout of a YOLO data set comes down to."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.yolo.class_yaml import DataYaml
from dlgeom.converters.yolo.read_splits import Entry
from dlgeom.converters.yolo.read_tree import Tree
from dlgeom.errors import FormatError

__all__ = ["Layout", "chosen", "common_folder"]


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
