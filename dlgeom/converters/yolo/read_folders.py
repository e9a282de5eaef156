"""Data sets that are folders only: labels with names given otherwise, or folders of classes."""

from __future__ import annotations

from dlgeom.converters.base import ReadContext
from dlgeom.converters.yolo.class_yaml import DataYaml
from dlgeom.converters.yolo.read_classify import class_entries, class_folders, linked_folders
from dlgeom.converters.yolo.read_common import Layout, chosen, common_folder, named_apart
from dlgeom.converters.yolo.read_names import NAME_FILES, is_class_yaml, is_darknet, name_lines
from dlgeom.converters.yolo.read_splits import (
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    Entry,
    folder_entries,
    is_label_name,
    is_split_name,
)
from dlgeom.converters.yolo.read_tree import FOLDER, Tree
from dlgeom.errors import FormatError

__all__ = ["loose_folders", "read_classify", "read_loose"]


def loose_folders(tree: Tree) -> list[tuple[str | None, str | None]]:
    """Return (images, labels) folders of a data set without a class file."""

    def named(folder: str, names: tuple[str, ...]) -> str | None:
        for name, kind in tree.listing(folder).items():
            if kind == FOLDER and name.lower() in names:
                return f"{folder}/{name}" if folder else name
        return None

    top = tree.listing("")
    pairs: list[tuple[str | None, str | None]] = []
    for folder in ["", *(name for name, kind in top.items() if kind == FOLDER)]:
        labels = named(folder, LABEL_FOLDERS)
        if labels is not None and label_files(tree, labels):
            pairs.append((named(folder, IMAGE_FOLDERS), labels))
    if not pairs and not _data_sets_below(tree) and label_files(tree, ""):
        images = named("", IMAGE_FOLDERS)
        pairs.append(("" if images is None else images, ""))
    return pairs


def _data_sets_below(tree: Tree) -> list[str]:
    """Return the folders that have class files of their own."""
    found = []
    for folder, kind in tree.listing("").items():
        names = tree.listing(folder) if kind == FOLDER else ()
        if any(
            (name.lower().endswith((".yaml", ".yml")) and is_class_yaml(tree.path(folder) / name))
            or (name.endswith(".data") and is_darknet(tree.path(folder) / name))
            for name in names
        ):
            found.append(folder)
    return found


def label_files(tree: Tree, folder: str) -> list[str]:
    """Return the first label files found below a folder."""
    for _, listed in tree.walk(folder, depth=8):
        found = [name for name, kind in listed.items() if kind != FOLDER and is_label_name(name)]
        if found:
            return found
    return []


def read_loose(tree: Tree, given: DataYaml | None, context: ReadContext) -> Layout:
    """Read folders of labels, or of classes where there are no labels.

    Raises
    ------
    FormatError
        ``schema.root`` if there is neither, ``schema.names`` if nothing names the classes.
    """
    pairs = loose_folders(tree)
    if not pairs or context.task == "classify":
        if class_folders(tree):
            return read_classify(tree, given, context)
        below = _data_sets_below(tree)
        if below:
            raise FormatError(
                f"holds data sets of their own ({', '.join(below[:5])}), but is none itself. "
                "Name one of them",
                code="schema.root",
                path=tree.root.name,
            )
        raise FormatError(
            "holds no label files, class file or class folders. Point at a data.yaml, an "
            "obj.data or a folder of labels",
            code="schema.root",
            path=tree.root.name,
        )
    if given is None:
        found = next((name for name in NAME_FILES if tree.is_file(name)), None)
        for _, labels in pairs:
            beside = f"{labels}/classes.txt" if labels else "classes.txt"
            if found is None and labels is not None and tree.is_file(beside):
                found = beside
        if found is None:
            raise FormatError(
                "has labels, but no names of classes (data.yaml, classes.txt, obj.names). "
                "Pass --names",
                code="schema.names",
                path=tree.root.name,
            )
        given = DataYaml(names=name_lines(tree.path(found), context, found))
    entries: list[Entry] = []
    for images, labels in pairs:
        entries += _split_by_folder(
            folder_entries(tree, images, labels, None, context.problems), labels
        )
    return Layout(
        tree=tree,
        data=given,
        entries=chosen(named_apart(entries, context), context),
        images_root=common_folder([images for images, _ in pairs]),
    )


def _split_by_folder(entries: list[Entry], labels: str | None) -> list[Entry]:
    """Take the first folder of each name as its split where all of them are names of splits."""
    parent = (labels or "").split("/")[0]
    firsts = {entry.name.split("/")[0] if "/" in entry.name else "" for entry in entries}
    if firsts and all(is_split_name(first) for first in firsts):
        for entry in entries:
            entry.subset, _, entry.name = entry.name.partition("/")
    elif is_split_name(parent):
        for entry in entries:
            entry.subset = parent
    return entries


def read_classify(tree: Tree, given: DataYaml | None, context: ReadContext) -> Layout:
    """Read folders of images, one for each class."""
    names, entries = class_entries(tree)
    for path in linked_folders(tree):
        context.problems.warning(
            "path.symlink",
            "is a linked folder; links to folders of classes are not followed. "
            "Put the folder itself there",
            path=path,
        )
    data = given if given is not None and given.names else DataYaml(names=dict(enumerate(names)))
    return Layout(
        tree=tree, data=data, entries=chosen(entries, context), images_root="", classify=True
    )
