"""Which layout a path has, and from it: class names, splits and one entry for each image.

In this order: a ``data.yaml`` (Ultralytics), an ``obj.data`` (darknet), folders of labels with
names given otherwise, folders of classes (classify). A data set that dlgeom wrote is told by its
``images.csv``. Nothing outside of the data set's folder is looked at, whatever a file says.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.inputs import decode_text, read_bytes
from dlgeom.converters.yolo.class_yaml import DataYaml, read_data_yaml
from dlgeom.converters.yolo.read_classify import class_entries, class_folders
from dlgeom.converters.yolo.read_splits import (
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    Entry,
    folder_entries,
    is_label_name,
    label_steps,
    list_entries,
    read_list,
)
from dlgeom.converters.yolo.read_table import read_table
from dlgeom.converters.yolo.read_tree import FILE, FOLDER, LINK, Tree, steps_of
from dlgeom.errors import FormatError

__all__ = ["Layout", "find_layout", "looks_like"]

NAME_FILES = ("classes.txt", "obj.names", "labels.txt", "names.txt")
_NAMES_KEY = re.compile(rb"(?m)^(?:\xef\xbb\xbf)?['\"]?names['\"]?[ \t]*:")
_PLACE_KEY = re.compile(rb"(?m)^(?:\xef\xbb\xbf)?['\"]?(train|val|validation|path|nc)['\"]?[ \t]*:")
_ROW = re.compile(rb"\s*[0-9]+(?:[ \t]+[-+0-9.eE]+){4,}[ \t]*(?:[\r\n]|$)")
_OTHER_NAME = {"val": ("valid", "validation"), "valid": ("val",), "validation": ("val",)}


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


# ---------------------------------------------------------------------------------------------
# Recognition


def _head(path: Path, size: int = 1 << 16) -> bytes:
    try:
        return read_bytes(path, limit_name="file_bytes", empty=True)[:size]
    except (FormatError, OSError):
        return b""


def is_class_yaml(path: Path) -> int:
    """Return 2 for a yaml with names and places, 1 for one with names only, else 0."""
    try:
        if path.stat().st_size > 1 << 20:
            return 0
    except OSError:
        return 0
    text = _head(path, 1 << 20)
    if not _NAMES_KEY.search(text):
        # Without names it still is a class file if it says where the images are.
        return 1 if re.search(rb"(?m)^train[ \t]*:", text) and b"nc" in text else 0
    return 2 if _PLACE_KEY.search(text) else 1


def _is_darknet(path: Path) -> bool:
    return bool(re.search(rb"(?m)^[ \t]*(train|valid|names)[ \t]*=", _head(path)))


def looks_like(path: Path) -> int:
    """Return 0 if a path is no YOLO data set, 1 if it could be, 2 if it surely is."""
    suffix = path.suffix.lower()
    if not path.is_dir():
        if suffix in (".yaml", ".yml"):
            return is_class_yaml(path)
        return 2 if suffix == ".data" and _is_darknet(path) else 0
    tree = Tree(path)
    files = [name for name, kind in tree.listing("").items() if kind in (FILE, LINK)]
    yamls = [
        is_class_yaml(path / name) for name in files if name.lower().endswith((".yaml", ".yml"))
    ]
    if 2 in yamls or any(name.endswith(".data") and _is_darknet(path / name) for name in files):
        return 2
    if any(_holds_rows(tree, labels) for _, labels in _loose_folders(tree) if labels is not None):
        return 2 if any(name in files for name in NAME_FILES) else 1
    return 1 if class_folders(tree) else 0


def _holds_rows(tree: Tree, folder: str) -> bool:
    """Whether one of the first label files below a folder starts with a row."""
    seen = 0
    for place, listed in tree.walk(folder, depth=4):
        for name, kind in listed.items():
            if kind == FILE and is_label_name(name):
                if _ROW.match(_head(tree.path(f"{place}/{name}" if place else name), 4096)):
                    return True
                seen += 1
                if seen == 5:
                    return False
    return False


# ---------------------------------------------------------------------------------------------
# Reading a layout


def find_layout(path: Path, context: ReadContext) -> Layout:
    """Find out what there is to read.

    Parameters
    ----------
    path : Path
        A ``data.yaml``, an ``obj.data``, or a folder.
    context : ReadContext
        `names`, `images`, `subsets`, `task`, `limits` and `problems` are used.

    Raises
    ------
    FormatError
        ``schema.field`` or ``schema.names`` without names, ``path.escape`` for a split outside
        of the data set, and what is wrong with a class file.
    """
    folder, file = (path, None) if path.is_dir() else (path.parent, path)
    if file is None:
        file = _class_file(folder)
    given = _given_names(context)
    if file is not None and file.suffix.lower() in (".yaml", ".yml"):
        tree = Tree(folder)
        data = _told(read_data_yaml(file, context.limits, shown=file.name), file.name, context)
        if given is not None:
            data.names = given.names
        if not data.names:
            raise FormatError(
                "has no names; a data set needs the names of its classes. Add the key names, "
                "or pass --names",
                code="schema.field",
                path=file.name,
            )
        return _read_yaml_layout(tree, data, file.name, context)
    if file is not None and file.suffix.lower() == ".data":
        return _read_darknet(Tree(folder), file.name, given, context)
    if folder.name.lower() == "labels" and file is None and _has_images_beside(folder):
        folder = folder.parent
    return _read_loose(Tree(folder), given, context)


def _has_images_beside(folder: Path) -> bool:
    return any((folder.parent / name).is_dir() for name in ("images", "Images"))


def _class_file(folder: Path) -> Path | None:
    """Return the one class file of a folder."""
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    yamls = [name for name in names if name.lower().endswith((".yaml", ".yml"))]
    for name in ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml"):
        if name in yamls:
            return folder / name
    likely = [name for name in yamls if is_class_yaml(folder / name) == 2]
    if len(likely) > 1:
        raise FormatError(
            f"has {len(likely)} class files ({', '.join(likely[:5])}); which one counts cannot be "
            "told. Name the file itself",
            code="schema.root",
            path=folder.name,
        )
    if likely:
        return folder / likely[0]
    darknet = [name for name in names if name.endswith(".data") and _is_darknet(folder / name)]
    return folder / darknet[0] if darknet else None


def _told(data: DataYaml, shown: str, context: ReadContext) -> DataYaml:
    """Tell the notes of a class file."""
    for note in data.notes:
        getattr(context.problems, note.status)(
            note.code, note.message, path=shown, location=note.location
        )
    return data


def _given_names(context: ReadContext) -> DataYaml | None:
    """Read the file of ``--names``: a yaml, or one name a line."""
    if context.names is None:
        return None
    name = context.names.name
    if context.names.suffix.lower() in (".yaml", ".yml"):
        data = _told(read_data_yaml(context.names, context.limits, shown=name), name, context)
    else:
        data = DataYaml(names=_name_lines(context.names, context, name))
    if not data.names:
        raise FormatError(
            "has no names. Give one a line, or a yaml with the key names",
            code="schema.names",
            path=name,
        )
    return data


def _name_lines(path: Path, context: ReadContext, shown: str) -> dict[int, str]:
    """Read one class name a line; empty lines at the end do not count."""
    data = read_bytes(path, limit_name="yaml_bytes", limits=context.limits, shown=shown)
    text, note = decode_text(data, shown)
    if note:
        context.problems.notice(note, "is UTF-16; it is read as such", path=shown)
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    while lines and not lines[-1]:
        lines.pop()
    seen: dict[str, int] = {}
    for index, name in enumerate(lines):
        if not name:
            raise FormatError(
                "is empty between names; each line names one class. Remove it, or name the class",
                code="schema.names",
                path=shown,
                location=f"line {index + 1}",
            )
        if name in seen:
            context.problems.warning(
                "ref.duplicate_name",
                f"classes {seen[name]} and {index} are both named {name!r}; both are kept. "
                "Rename one",
                path=shown,
                location=f"line {index + 1}",
            )
        seen.setdefault(name, index)
    return dict(enumerate(lines))


# -- data.yaml --------------------------------------------------------------------------------


def _read_yaml_layout(tree: Tree, data: DataYaml, shown: str, context: ReadContext) -> Layout:
    if tree.is_file("images.csv"):
        table = read_table(tree, context.problems, context.limits)
        if table:
            return Layout(
                tree=tree,
                data=data,
                entries=_chosen(table, context),
                images_root="images" if tree.is_folder("images") else None,
                own=True,
            )
    if context.task == "classify" and class_folders(tree):
        return _read_classify(tree, data, context)
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
        loose = _read_loose(tree, data, context)
        loose.data = data
        return loose
    entries = _source_entries(tree, sources, lists, context)
    return Layout(
        tree=tree,
        data=data,
        entries=_chosen(entries, context),
        images_root=_common([images for pairs in sources.values() for images, _ in pairs]),
    )


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
    if not [step for step in steps_of(value) if step != ".."] and ".." in value:
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
    elif os.path.splitext(base)[1].lower() in (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif"):
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
        return "", ""
    tries = [steps]
    for position, step in enumerate(steps):
        tries += [
            [*steps[:position], other, *steps[position + 1 :]]
            for other in _OTHER_NAME.get(step, ())
        ]
    for candidate in tries:
        images = tree.find(candidate, (FOLDER,))
        if images is not None:
            return images, _labels_of(tree, images)
        moved = label_steps(candidate)
        labels = None if moved is None else tree.find(moved, (FOLDER,))
        if labels is not None:
            return None, labels
    return None


def _labels_of(tree: Tree, images: str) -> str | None:
    """Return the folder with the labels of a folder of images."""
    steps = images.split("/") if images else []
    moved = label_steps(steps)
    if moved is not None and tree.is_folder("/".join(moved)):
        return "/".join(moved)
    parent = "/".join(steps[:-1])
    dota = f"{parent}/labelTxt" if parent else "labelTxt"
    if steps and tree.is_folder(dota):
        raise FormatError(
            "holds labels in DOTA's own text form; YOLO rows are 'class x1 y1 x2 y2 x3 y3 x4 y4' "
            "in a folder 'labels'. Convert them first",
            code="schema.unknown",
            path=dota,
        )
    return images


def _common(folders: list[str | None]) -> str | None:
    known = [folder for folder in folders if folder is not None]
    if not known:
        return None
    return os.path.commonpath([f"/{folder}" for folder in known])[1:]


def _source_entries(
    tree: Tree,
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
            )
    return entries


def _inside(folder: str, other: str | None) -> bool:
    return other is not None and (not other or folder.startswith(f"{other}/"))


def _chosen(entries: list[Entry], context: ReadContext) -> list[Entry]:
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


# -- darknet ----------------------------------------------------------------------------------


def _read_darknet(tree: Tree, file: str, given: DataYaml | None, context: ReadContext) -> Layout:
    data = read_bytes(tree.path(file), limit_name="yaml_bytes", limits=context.limits, shown=file)
    keys: dict[str, str] = {}
    for line in re.split(r"\r\n|\r|\n", decode_text(data, file)[0]):
        key, sign, value = line.partition("=")
        if sign and not line.lstrip().startswith("#"):
            keys.setdefault(key.strip(), value.strip())
    if given is None:
        names = tree.find(steps_of(keys.get("names", "obj.names")), (FILE,))
        if names is None:
            raise FormatError(
                "names no file with class names that is there. Correct the key names, or pass "
                "--names",
                code="schema.field",
                path=file,
            )
        given = DataYaml(names=_name_lines(tree.path(names), context, names))
    entries: list[Entry] = []
    done: set[str] = set()
    for key, subset in (("train", "train"), ("valid", "val"), ("val", "val"), ("test", "test")):
        if key not in keys:
            continue
        listed = tree.find(steps_of(keys[key]), (FILE,))
        if listed is None:
            context.problems.notice(
                "ref.image", f"{key}: {keys[key]!r} is not there; nothing is read for it", path=file
            )
        elif listed not in done:
            done.add(listed)
            entries += list_entries(
                tree,
                read_list(tree, listed, context.limits),
                subset,
                context.problems,
                base=listed.split("/")[:-1],
                listed=listed,
            )
    if not done:
        raise FormatError(
            "names no list of images that is there. Correct the key train",
            code="schema.field",
            path=file,
        )
    return Layout(tree=tree, data=given, entries=_chosen(entries, context), images_root="")


# -- folders only -----------------------------------------------------------------------------


def _loose_folders(tree: Tree) -> list[tuple[str | None, str | None]]:
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
        if labels is not None and any(True for _ in _label_files(tree, labels)):
            pairs.append((named(folder, IMAGE_FOLDERS), labels))
    if not pairs and any(True for _ in _label_files(tree, "")):
        images = named("", IMAGE_FOLDERS)
        pairs.append(("" if images is None else images, ""))
    return pairs


def _label_files(tree: Tree, folder: str) -> list[str]:
    """Return the first label files found below a folder."""
    for _, listed in tree.walk(folder, depth=8):
        found = [name for name, kind in listed.items() if kind != FOLDER and is_label_name(name)]
        if found:
            return found
    return []


def _read_loose(tree: Tree, given: DataYaml | None, context: ReadContext) -> Layout:
    pairs = _loose_folders(tree)
    if not pairs or context.task == "classify":
        if class_folders(tree):
            return _read_classify(tree, given, context)
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
        given = DataYaml(names=_name_lines(tree.path(found), context, found))
    entries: list[Entry] = []
    for images, labels in pairs:
        entries += _split_by_folder(
            folder_entries(tree, images, labels, None, context.problems), labels
        )
    return Layout(
        tree=tree,
        data=given,
        entries=_chosen(entries, context),
        images_root=_common([images for images, _ in pairs]),
    )


def _split_by_folder(entries: list[Entry], labels: str | None) -> list[Entry]:
    """Take the first folder of each name as its split where all of them are names of splits."""
    parent = (labels or "").split("/")[0]
    firsts = {entry.name.split("/")[0] if "/" in entry.name else "" for entry in entries}
    if firsts and all(_is_split(first) for first in firsts):
        for entry in entries:
            entry.subset, _, entry.name = entry.name.partition("/")
    elif _is_split(parent):
        for entry in entries:
            entry.subset = parent
    return entries


def _is_split(name: str) -> bool:
    return bool(re.fullmatch(r"(?:train|val|valid|validation|test)(?:[0-9]{4})?", name))


def _read_classify(tree: Tree, given: DataYaml | None, context: ReadContext) -> Layout:
    names, entries = class_entries(tree)
    data = given if given is not None and given.names else DataYaml(names=dict(enumerate(names)))
    return Layout(
        tree=tree, data=data, entries=_chosen(entries, context), images_root="", classify=True
    )
