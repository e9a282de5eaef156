"""Which layout a path has, and from it: class names, splits and one entry for each image.

In this order: a ``data.yaml`` (Ultralytics), an ``obj.data`` (darknet), folders of labels with
names given otherwise, folders of classes (classify). A data set that dlgeom wrote is told by its
``images.csv``. Nothing outside of the data set's folder is looked at, whatever a file says.
"""

from __future__ import annotations

import re
from pathlib import Path

from dlgeom.converters.base import ReadContext
from dlgeom.converters.inputs import check_inside, decode_text, read_bytes
from dlgeom.converters.yolo.class_yaml import DataYaml, read_data_yaml
from dlgeom.converters.yolo.read_classify import only_class_folders
from dlgeom.converters.yolo.read_common import Layout, chosen, named_apart
from dlgeom.converters.yolo.read_folders import loose_folders, read_loose
from dlgeom.converters.yolo.read_names import (
    NAME_FILES,
    class_file,
    given_names,
    head_of,
    is_class_yaml,
    is_darknet,
    name_lines,
    told,
)
from dlgeom.converters.yolo.read_splits import Entry, is_label_name, list_entries, read_list
from dlgeom.converters.yolo.read_table import read_table
from dlgeom.converters.yolo.read_tree import FILE, LINK, Tree, steps_of
from dlgeom.converters.yolo.read_yaml import read_yaml
from dlgeom.converters.yolo_video.recognise import looks_like_rows as is_of_video
from dlgeom.errors import FormatError

__all__ = ["Layout", "find_layout", "looks_like"]

_SPLITS = {"train": "train", "valid": "val", "val": "val", "test": "test"}
_NO_LISTS = frozenset({"classes", "names", "labels", "backup", "results", "eval", "map", "tree"})
_ROW = re.compile(rb"\s*[0-9]+(?:[ \t]+[-+0-9.eE]+){4,}[ \t]*(?:[\r\n]|$)")


# ---------------------------------------------------------------------------------------------
# Recognition


def looks_like(path: Path) -> int:
    """Return 0 if a path is no YOLO data set, 1 if it could be, 2 if it surely is."""
    suffix = path.suffix.lower()
    if not path.is_dir():
        if suffix in (".yaml", ".yml"):
            return is_class_yaml(path)
        return 2 if suffix == ".data" and is_darknet(path) else 0
    tree = Tree(path)
    files = [name for name, kind in tree.listing("").items() if kind in (FILE, LINK)]
    yamls = [
        is_class_yaml(path / name) for name in files if name.lower().endswith((".yaml", ".yml"))
    ]
    if 2 in yamls or any(name.endswith(".data") and is_darknet(path / name) for name in files):
        return 2
    if any(_holds_rows(tree, labels) for _, labels in loose_folders(tree) if labels is not None):
        return 2 if any(name in files for name in NAME_FILES) else 1
    return 1 if only_class_folders(tree) else 0


def _holds_rows(tree: Tree, folder: str) -> bool:
    """Whether one of the first label files below a folder starts with a row."""
    seen = 0
    for place, listed in tree.walk(folder, depth=4):
        for name, kind in listed.items():
            if kind == FILE and is_label_name(name):
                path = tree.path(f"{place}/{name}" if place else name)
                if _ROW.match(head_of(path, 4096)) and not is_of_video(path):
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
        file = class_file(folder)
        if file is None and folder.name.lower() == "labels" and _is_data_set(folder.parent):
            folder = folder.parent
            file = class_file(folder)
        if file is not None:
            check_inside(file, folder, file.name)
    given = given_names(context)
    if file is not None and file.suffix.lower() in (".yaml", ".yml"):
        tree = Tree(folder)
        data = told(read_data_yaml(file, context.limits, shown=file.name), file.name, context)
        if given is not None:
            data.names = given.names
        if not data.names:
            raise FormatError(
                "has no names; a data set needs the names of its classes. Add the key names, "
                "or pass --names",
                code="schema.field",
                path=file.name,
            )
        return read_yaml(tree, data, file.name, context)
    if file is not None and file.suffix.lower() == ".data":
        return _read_darknet(Tree(folder), file.name, given, context)
    return read_loose(Tree(folder), given, context)


def _is_data_set(folder: Path) -> bool:
    """Whether a folder ``labels`` in this one belongs to more than itself."""
    beside = any((folder / name).is_dir() for name in ("images", "Images"))
    return beside or class_file(folder) is not None


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
        given = DataYaml(names=name_lines(tree.path(names), context, names))
    table = read_table(tree, context.limits, darknet=True)
    if table:
        entries = chosen(table, context)
        given.task = "detect"
        return Layout(tree=tree, data=given, entries=entries, images_root="", own=True)
    entries = named_apart(_listed(tree, file, keys, context), context)
    return Layout(tree=tree, data=given, entries=chosen(entries, context), images_root="")


def _listed(tree: Tree, file: str, keys: dict[str, str], context: ReadContext) -> list[Entry]:
    """Read the lists of images that an ``obj.data`` names, each once."""
    entries: list[Entry] = []
    done: set[str] = set()
    others = [key for key in keys if key not in _SPLITS and key not in _NO_LISTS]
    others = [key for key in others if keys[key].endswith(".txt")]
    for key in [*(key for key in _SPLITS if key in keys), *others]:
        value = keys[key]
        listed = tree.find(steps_of(value), (FILE,))
        if listed is None:
            context.problems.notice(
                "ref.image", f"{key}: {value!r} is not there; nothing is read for it", path=file
            )
        elif listed not in done:
            done.add(listed)
            entries += list_entries(
                tree,
                read_list(tree, listed, context.limits),
                _SPLITS.get(key, key),
                context.problems,
                base=listed.split("/")[:-1],
                listed=listed,
                darknet=True,
            )
    if not done:
        raise FormatError(
            "names no list of images that is there. Correct the key train",
            code="schema.field",
            path=file,
        )
    return entries
