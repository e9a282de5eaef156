"""The layout that a ``data.yaml`` describes (Ultralytics, Roboflow)."""

from __future__ import annotations

import os

from dlgeom.converters.base import ReadContext
from dlgeom.converters.images import IMAGE_SUFFIXES
from dlgeom.converters.yolo.class_yaml import DataYaml
from dlgeom.converters.yolo.read_classify import class_folders
from dlgeom.converters.yolo.read_common import Layout, chosen, common_folder, named_apart
from dlgeom.converters.yolo.read_folders import read_classify, read_loose
from dlgeom.converters.yolo.read_splits import (
    Entry,
    folder_entries,
    label_steps,
    list_entries,
    nested_pair,
    read_list,
)
from dlgeom.converters.yolo.read_table import read_table
from dlgeom.converters.yolo.read_tree import FILE, FOLDER, Tree, steps_of
from dlgeom.errors import FormatError

__all__ = ["read_yaml"]

_OTHER_NAME = {"val": ("valid", "validation"), "valid": ("val",), "validation": ("val",)}


def read_yaml(tree: Tree, data: DataYaml, shown: str, context: ReadContext) -> Layout:
    """Find the images and labels that a class file names.

    Raises
    ------
    FormatError
        ``path.escape`` if a split lies outside of the data set.
    """
    table = read_table(tree, context.limits)
    if table:
        return Layout(
            tree=tree,
            data=data,
            entries=chosen(table, context),
            images_root="images" if tree.is_folder("images") else None,
            own=True,
        )
    if context.task == "classify" and class_folders(tree):
        return read_classify(tree, data, context)
    sources: dict[str, list[tuple[str | None, str | None]]] = {}
    lists: dict[str, list[str]] = {}
    outside: list[str] = []
    for subset, values in data.splits.items():
        for value in values:
            _resolve(tree, data.root, subset, value, shown, sources, lists, outside, context)
    if not sources and not lists:
        if outside:
            raise FormatError(
                f"{outside[0]!r} leads out of the data set and nothing inside matches it; paths "
                "stay below the folder of the class file. Correct it, or move the file",
                code="path.escape",
                path=shown,
            )
        loose = read_loose(tree, data, context)
        loose.data = data
        return loose
    root = common_folder([images for pairs in sources.values() for images, _ in pairs])
    entries = named_apart(
        _source_entries(tree, steps_of(data.root), sources, lists, context), context
    )
    if root is None:
        root = common_folder([entry.image.rpartition("/")[0] for entry in entries if entry.image])
    return Layout(tree=tree, data=data, entries=chosen(entries, context), images_root=root)


def _resolve(
    tree: Tree,
    root: str,
    subset: str,
    value: str,
    shown: str,
    sources: dict[str, list[tuple[str | None, str | None]]],
    lists: dict[str, list[str]],
    outside: list[str],
    context: ReadContext,
) -> None:
    """Find one folder, list or image of a split inside of the data set."""
    steps = [*steps_of(root), *steps_of(value)]
    climbs = ".." in value or value[:1] in ("/", "\\")
    if climbs and not [step for step in steps_of(value) if step != ".."]:
        raise FormatError(
            f"{subset} is {value!r}, outside of the data set; paths stay below the folder of "
            "the class file. Correct it",
            code="path.escape",
            path=shown,
        )
    base = value.replace("\\", "/").rpartition("/")[2]
    if base.lower().endswith(".txt"):
        found = tree.find(steps, (FILE,))
        if found is not None:
            lists.setdefault(subset, []).append(found)
            return
    elif os.path.splitext(base)[1].lower() in IMAGE_SUFFIXES:
        lists.setdefault(subset, []).append(f"\0{'/'.join(steps)}")
        return
    else:
        pair = _folders(tree, steps)
        if pair is not None:
            sources.setdefault(subset, []).append(pair)
            return
    if steps[:1] == [".."] or value.startswith("/") or root.startswith("/"):
        outside.append(value)
    context.problems.notice(
        "ref.image", f"{subset}: {value!r} is not there; nothing is read for it", path=shown
    )


def _folders(tree: Tree, steps: list[str]) -> tuple[str | None, str | None] | None:
    """Return the folder of images and that of labels of a split, or None."""
    if not steps:
        return _pair_of(tree, "")
    tries = [steps]
    for position, step in enumerate(steps):
        tries += [
            [*steps[:position], other, *steps[position + 1 :]]
            for other in _OTHER_NAME.get(step, ())
        ]
    for candidate in tries:
        images = tree.find(candidate, (FOLDER,))
        if images is not None:
            return _pair_of(tree, images)
        for moved in label_steps(candidate):
            labels = tree.find(moved, (FOLDER,))
            if labels is not None:
                return None, labels
    return None


def _pair_of(tree: Tree, images: str) -> tuple[str, str]:
    """Return a folder of images and the folder with its labels."""
    steps = images.split("/") if images else []
    for moved in label_steps(steps):
        if tree.is_folder("/".join(moved)):
            return images, "/".join(moved)
    nested = nested_pair(tree, images)
    if nested is not None:
        return nested
    parent = "/".join(steps[:-1])
    dota = f"{parent}/labelTxt" if parent else "labelTxt"
    if steps and tree.is_folder(dota):
        raise FormatError(
            "holds labels in DOTA's own text form; YOLO rows are 'class x1 y1 x2 y2 x3 y3 x4 y4' "
            "in a folder 'labels'. Convert them first",
            code="schema.unknown",
            path=dota,
        )
    return images, images


def _source_entries(
    tree: Tree,
    root: list[str],
    sources: dict[str, list[tuple[str | None, str | None]]],
    lists: dict[str, list[str]],
    context: ReadContext,
) -> list[Entry]:
    """Read each folder and list once, also where two splits name it."""
    every = [folder for pairs in sources.values() for pair in pairs for folder in pair if folder]
    entries: list[Entry] = []
    done: set[object] = set()
    for subset in dict.fromkeys([*sources, *lists]):
        for images, labels in sources.pop(subset, ()):
            if (images, labels) in done:
                continue
            done.add((images, labels))
            others = frozenset(
                folder
                for folder in every
                if folder not in (images, labels)
                and (_inside(folder, images) or _inside(folder, labels))
            )
            entries += folder_entries(
                tree, images, labels, subset, context.problems, excluded=others
            )
        for listed in lists.pop(subset, ()):
            if listed in done:
                continue
            done.add(listed)
            if listed.startswith("\0"):
                entries += list_entries(tree, [listed[1:]], subset, context.problems, base=[])
                continue
            entries += list_entries(
                tree,
                read_list(tree, listed, context.limits),
                subset,
                context.problems,
                base=listed.split("/")[:-1],
                listed=listed,
                root=root,
            )
    return entries


def _inside(folder: str, other: str | None) -> bool:
    return other is not None and (not other or folder.startswith(f"{other}/"))
