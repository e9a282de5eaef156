"""The task classify: folders of images, one for each class, and no label files.

``<split>/<class>/<image>``, or ``<class>/<image>`` without splits; the index of a class is the
rank of its folder's name (Ultralytics).
"""

from __future__ import annotations

from dlgeom.converters.images import is_image_name
from dlgeom.converters.yolo.read_splits import Entry, is_split_name
from dlgeom.converters.yolo.read_tree import FILE, FOLDER, LINK, Tree

__all__ = ["class_entries", "class_folders", "linked_folders", "only_class_folders"]

_OTHERS = (".json", ".xml", ".csv", ".json.gz", ".json.zst")
_NEVER = frozenset({"images", "labels", "annotations", "jpegimages", "imagesets"})


def _below(tree: Tree, folder: str) -> list[str]:
    names = [name for name, kind in tree.listing(folder).items() if kind == FOLDER]
    return [name for name in names if not name.startswith((".", "__"))]


def _has_images(tree: Tree, folder: str, depth: int) -> bool:
    for seen, (_, listed) in enumerate(tree.walk(folder, depth=depth)):
        if any(kind in (FILE, LINK) and is_image_name(name) for name, kind in listed.items()):
            return True
        if seen > 64:
            break
    return False


def class_folders(tree: Tree) -> list[tuple[str | None, str, str]]:
    """Return (split, class, folder) of each class folder; [] if the layout is another one."""
    top = _below(tree, "")
    if any(name.lower() in _NEVER for name in top):
        return []
    splits = [name for name in top if is_split_name(name)]
    if splits:
        found: list[tuple[str | None, str, str]] = [
            (split, name, f"{split}/{name}") for split in splits for name in _below(tree, split)
        ]
    else:
        found = [(None, name, name) for name in top]
    if any(name.lower() in _NEVER for _, name, _ in found):
        return []
    if any(name.endswith(_OTHERS) for name, kind in tree.listing("").items() if kind == FILE):
        return []
    # Without splits nothing but the images says that the folders are classes.
    deep = 8 if splits else 0
    some = [_has_images(tree, folder, deep) for _, _, folder in found]
    return found if (any(some) if splits else len(some) > 1 and all(some)) else []


def linked_folders(tree: Tree) -> list[str]:
    """Return the links to folders where folders of classes are, and below these."""
    folders = class_folders(tree)
    roots = {folder.rpartition("/")[0] for _, _, folder in folders}
    listings = [(root, tree.listing(root)) for root in sorted(roots)]
    for _, _, folder in folders:
        listings += tree.walk(folder)
    return [
        f"{place}/{name}" if place else name
        for place, listed in listings
        for name, kind in listed.items()
        if kind == LINK and tree.path(f"{place}/{name}" if place else name).is_dir()
    ]


def only_class_folders(tree: Tree) -> bool:
    """Whether there are class folders and nothing that speaks for another layout.

    Any two folders with images could be classes; files of another kind, folders without images
    and a single folder make it unlikely.
    """
    folders = class_folders(tree)
    if any(_is_text(name) for name, kind in tree.listing("").items() if kind == FILE):
        return False
    if len(folders) < 2 and not any(split for split, _, _ in folders):
        return False
    for _, _, folder in folders:
        listed = tree.listing(folder)
        names = [name for name in listed if not name.startswith(".")]
        if not names or not all(is_image_name(n) or listed[n] == FOLDER for n in names):
            return False
    return any(is_image_name(name) for _, _, folder in folders for name in tree.listing(folder))


def _is_text(name: str) -> bool:
    return name.lower().endswith((".json", ".xml", ".txt", ".csv", ".yaml", ".yml"))


def class_entries(tree: Tree) -> tuple[list[str], list[Entry]]:
    """Return the names of the classes, sorted, and an entry for each image.

    An entry's `label` is the name of its class; its `name` is the path below the split.
    """
    folders = class_folders(tree)
    entries = []
    for split, name, folder in folders:
        skip = len(split) + 1 if split else 0
        for place, listed in tree.walk(folder):
            for base, kind in listed.items():
                if kind in (FILE, LINK) and is_image_name(base) and not base.startswith("."):
                    path = f"{place}/{base}"
                    entries.append(Entry(path[skip:], name, path, split))
    return sorted({name for _, name, _ in folders}), entries
