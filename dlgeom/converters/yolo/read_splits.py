"""From what a class file names (folders, lists, images) to one entry for each image.

An image's label file has the same path with the last ``images`` folder replaced by ``labels``
and the ending ``.txt`` (Ultralytics); without such a folder it lies beside the image. Darknet
replaces ``JPEGImages`` and ``images/train2017`` (and its like) only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from dlgeom.converters.images import IMAGE_SUFFIXES
from dlgeom.converters.inputs import decode_text, read_bytes
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo.read_tree import FILE, FOLDER, LINK, Tree, steps_of
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = [
    "IMAGE_FOLDERS",
    "LABEL_FOLDERS",
    "Entry",
    "folder_entries",
    "is_label_name",
    "is_split_name",
    "label_steps",
    "list_entries",
    "nested_pair",
    "read_list",
]

IMAGE_FOLDERS = ("images", "image", "img", "jpegimages")
LABEL_FOLDERS = ("labels", "label", "annotations")
_SPLIT = re.compile(r"(?:train|val|valid|validation|test)(?:[0-9]{4})?")
NOT_LABELS = frozenset(
    {"readme.txt", "readme.roboflow.txt", "readme.dataset.txt", "license.txt", "notes.txt"}
    | {"classes.txt", "labels.txt", "names.txt", "train.txt", "val.txt", "valid.txt", "test.txt"}
    | {"requirements.txt"}
)
_DARKNET_FOLDER = re.compile(r"obj_.*_data")
_COCO_FOLDER = re.compile(r"(?:train|val)20(?:14|17)")


class Entry(msgspec.Struct, gc=False):
    """One image: its name as an item, where its labels and pixels are, its size if known.

    Paths are relative to the data set's folder; None is a file that is not there. `guessed`
    tells that the name was made from the label file's.
    """

    name: str
    label: str | None
    image: str | None
    subset: str | None
    width: int = 0
    height: int = 0
    orientation: int | None = None
    guessed: bool = False


def is_split_name(name: str) -> bool:
    """Whether a folder is called as splits are: ``train``, ``val2017``..."""
    return _SPLIT.fullmatch(name) is not None


def is_label_name(name: str) -> bool:
    """Whether a file could be a label file, by its name."""
    return (
        name.endswith((".txt", ".TXT"))
        and not name.startswith(".")
        and name.lower() not in NOT_LABELS
    )


def _stem_if_image(name: str) -> str | None:
    """Return the name without its ending if it is that of an image."""
    dot = name.rfind(".")
    if dot <= 0 or name[dot:].lower() not in IMAGE_SUFFIXES or name.startswith("."):
        return None
    return name[:dot]


def label_steps(steps: list[str]) -> list[list[str]]:
    """Return where the labels of a folder of images may be by Ultralytics' rule, likely first.

    The last step ``images`` becomes ``labels``; other spellings only where no such folder is.
    """
    found = []
    for names in (("images",), ("Images", "JPEGImages")):
        for position in range(len(steps) - 1, -1, -1):
            if steps[position] in names:
                found.append([*steps[:position], "labels", *steps[position + 1 :]])
                break
    return found


def darknet_labels(steps: list[str]) -> list[list[str]]:
    """Return where the labels of a folder of images may be by darknet's rule.

    A plain ``images`` is not replaced: such labels lie beside the images.
    """
    for position, step in enumerate(steps):
        coco = step == "images" and _COCO_FOLDER.fullmatch("".join(steps[position + 1 :][:1]))
        if coco or step == "JPEGImages":
            return [[*steps[:position], "labels", *steps[position + 1 :]]]
    return []


def nested_pair(tree: Tree, folder: str) -> tuple[str, str] | None:
    """Return ``images`` and ``labels`` of a folder that holds both and no images itself."""
    listed = tree.listing(folder)
    if listed.get("images") != FOLDER or listed.get("labels") != FOLDER:
        return None
    if any(kind in (FILE, LINK) and _stem_if_image(name) for name, kind in listed.items()):
        return None
    before = f"{folder}/" if folder else ""
    return f"{before}images", f"{before}labels"


def _not_regular(path: str) -> FormatError:
    return FormatError(
        "is a pipe, socket or device; label files are regular files. Remove it",
        code="file.not_regular",
        path=path,
    )


def _images_below(
    tree: Tree, folder: str, excluded: frozenset[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return stem -> image files (paths below `folder`), and the text files beside them."""
    images: dict[str, list[str]] = {}
    texts: list[str] = []
    skip = len(folder) + 1 if folder else 0
    for place, listed in tree.walk(folder):
        if place != folder and _is_below(place, excluded):
            continue
        prefix = f"{place[skip:]}/" if len(place) > len(folder) else ""
        for name, kind in listed.items():
            stem = _stem_if_image(name) if kind in (FILE, LINK) else None
            if stem is not None:
                images.setdefault(prefix + stem, []).append(prefix + name)
            elif name.endswith((".txt", ".TXT")) and kind != FOLDER:
                texts.append(prefix + name)
    return images, texts


def _is_below(place: str, folders: frozenset[str]) -> bool:
    return any(place == other or place.startswith(f"{other}/") for other in folders)


def _texts_below(tree: Tree, folder: str, excluded: frozenset[str]) -> list[str]:
    texts = []
    skip = len(folder) + 1 if folder else 0
    for place, listed in tree.walk(folder):
        if place != folder and _is_below(place, excluded):
            continue
        prefix = f"{place[skip:]}/" if len(place) > len(folder) else ""
        texts += [
            prefix + name
            for name, kind in listed.items()
            if name.endswith((".txt", ".TXT")) and kind != FOLDER
        ]
    return texts


def folder_entries(
    tree: Tree,
    images: str | None,
    labels: str | None,
    subset: str | None,
    problems: Problems,
    *,
    excluded: frozenset[str] = frozenset(),
) -> list[Entry]:
    """Pair the images below one folder with the label files below another, by stem.

    Parameters
    ----------
    tree : Tree
        The data set.
    images, labels : str, optional
        The two folders; the same one where label files lie beside the images; None where
        there is none.
    subset : str, optional
        Name of the split.
    problems : Problems
        Told of images that share a label file and of label files that are no files.
    excluded : frozenset of str
        Folders below that belong to another split.

    Returns
    -------
    list of Entry
        By name; images without labels and labels without an image included.
    """
    found: dict[str, list[str]] = {}
    texts: list[str] = []
    if images is not None:
        found, texts = _images_below(tree, images, excluded)
    if labels is not None and labels != images:
        texts = _texts_below(tree, labels, excluded)
    elif labels is None:
        texts = []
    before = f"{labels}/" if labels else ""
    stems: dict[str, str] = {}
    for text in texts:
        stem, base = text[:-4], text.rpartition("/")[2]
        if base.startswith(".") or (base.lower() in NOT_LABELS and stem not in found):
            continue
        if tree.kind(before + text) not in (FILE, 0) and labels is not None:
            problems.file(_not_regular(before + text))
            continue
        stems[stem] = before + text
    _move_nested(tree, images or "", found, stems)
    return _paired(found, stems, f"{images}/" if images else "", subset, problems)


def _move_nested(
    tree: Tree, images: str, found: dict[str, list[str]], stems: dict[str, str]
) -> None:
    """Give images in an ``images`` folder further down the labels of the ``labels`` beside it."""
    folders: dict[str, str | None] = {}
    for stem in found:
        place, _, base = stem.rpartition("/")
        if place not in folders:
            folders[place] = _nested_labels(tree, images, place)
        labels = folders[place]
        if labels is None:
            continue
        label = f"{labels}/{base}.txt"
        stems.pop(stem, None)
        if tree.kind(label) == FILE:
            stems[stem] = label
    if any(folders.values()):
        # A walk for texts beside the images met the same files under names of their own.
        moved = {stems[stem] for stem in found if stem in stems}
        for stem in [stem for stem, label in stems.items() if label in moved]:
            if stem not in found:
                del stems[stem]


def _nested_labels(tree: Tree, images: str, place: str) -> str | None:
    below = place.split("/")
    whole = [*images.split("/"), *below] if images else below
    shared = len(whole) - len(below)
    for steps in label_steps(whole):
        labels = "/".join(steps)
        if steps[:shared] == whole[:shared] and tree.is_folder(labels):
            return labels
    return None


def _paired(
    found: dict[str, list[str]],
    stems: dict[str, str],
    before: str,
    subset: str | None,
    problems: Problems,
) -> list[Entry]:
    entries = []
    for stem in sorted(found.keys() | stems.keys()):
        label = stems.get(stem)
        names = found.get(stem)
        if names is None:
            entries.append(Entry(f"{stem}.jpg", label, None, subset, guessed=True))
            continue
        if len(names) > 1 and label is not None:
            problems.warning(
                "path.collision",
                f"images {', '.join(names)} share one label file; each gets all of its rows. "
                "Rename all but one",
                path=label,
            )
        entries += [Entry(name, label, before + name, subset) for name in names]
    return entries


# ---------------------------------------------------------------------------------------------
# Lists of images


class _Place:
    """A folder as a list names it: where its images and labels are, how its items are called."""

    def __init__(
        self, tree: Tree, steps: list[str], subset: str | None, listed: str, *, darknet: bool
    ) -> None:
        self.images = tree.find(steps, (FOLDER,))
        if self.images is None and not [step for step in steps if step != ".."]:
            self.images = ""
        self.labels = self._labels(tree, steps, darknet)
        self.prefix = _name_prefix(steps, self.images, subset, listed)
        self.outside = ".." in steps and self.images is None

    def _labels(self, tree: Tree, steps: list[str], darknet: bool) -> list[str]:
        rule = darknet_labels if darknet else label_steps
        here = self.images.split("/") if self.images else []
        moved = [found for found in map("/".join, rule(here)) if tree.is_folder(found)]
        if not rule(here):
            # The folder of images has gone, or is called something else here.
            moved = [found for wanted in rule(steps) if (found := tree.find(wanted, (FOLDER,)))]
        if moved or self.images is None:
            return moved[:1]
        others = label_steps(here) if darknet else []
        return [self.images, *(found for found in map("/".join, others) if tree.is_folder(found))]


def _name_prefix(steps: list[str], images: str | None, subset: str | None, listed: str) -> str:
    """Return what stands before the base name in an item's name."""
    rest = [step for step in (steps if images is None else images.split("/")) if step != ".."]
    for position in range(len(rest) - 1, -1, -1):
        if rest[position].lower() in IMAGE_FOLDERS or _DARKNET_FOLDER.fullmatch(rest[position]):
            rest = rest[position + 1 :]
            break
    else:
        rest = rest[1:] if rest[:1] == ["data"] else rest
    if rest and (is_split_name(rest[0]) or rest[0] in (subset, listed)):
        rest = rest[1:]
    return "".join(f"{step}/" for step in rest if step)


def list_entries(
    tree: Tree,
    lines: Iterable[str],
    subset: str | None,
    problems: Problems,
    *,
    base: list[str],
    listed: str = "",
    root: Sequence[str] = (),
    darknet: bool = False,
) -> list[Entry]:
    """Turn a list of image paths into entries, in the list's order.

    Parameters
    ----------
    tree : Tree
        The data set.
    lines : iterable of str
        Paths as written; those that start with ``./`` are relative to `base`.
    subset : str, optional
        Name of the split.
    problems : Problems
        Told of paths that lead out of the data set.
    base : list of str
        Folder of the list file.
    listed : str
        Path of the list file.
    root : sequence of str
        Folder that the other paths may be relative to, as the class file says.
    darknet : bool
        Whether labels are found by darknet's rule and not by Ultralytics'.
    """
    places: dict[str, _Place] = {}
    stem_of_list = listed.rpartition("/")[2].removesuffix(".txt")
    entries = []
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        text = line.strip().strip("\0")
        if not text or text in seen:
            continue
        seen.add(text)
        head, _, name = text.replace("\\", "/").rpartition("/")
        place = places.get(head)
        if place is None:
            steps = steps_of(head)
            if head == "." or head.startswith("./"):
                steps = [*base, *steps]
            elif not head.startswith("/"):
                steps = [*root, *steps]
            place = places[head] = _Place(tree, steps, subset, stem_of_list, darknet=darknet)
        entry = _listed_entry(tree, place, name, subset)
        if entry is None or (place.outside and entry.label is None):
            problems.file(
                FormatError(
                    f"image {text[:80]!r} is not in the data set; paths are relative to its "
                    "folder. Correct the list",
                    code="path.escape" if place.outside or name in ("", "..") else "ref.image",
                    path=listed or None,
                    location=f"line {number}",
                )
            )
            continue
        entries.append(entry)
    return entries


def _listed_entry(tree: Tree, place: _Place, name: str, subset: str | None) -> Entry | None:
    stem = _stem_if_image(name)
    if stem is None:
        return None
    image = None
    if place.images is not None and tree.listing(place.images).get(name) in (FILE, LINK):
        image = f"{place.images}/{name}" if place.images else name
    label = None
    for folder in place.labels:
        if tree.listing(folder).get(f"{stem}.txt") in (FILE, LINK):
            label = f"{folder}/{stem}.txt" if folder else f"{stem}.txt"
            break
    return Entry(place.prefix + name, label, image, subset)


def read_list(tree: Tree, relative: str, limits: Limits) -> list[str]:
    """Return the lines of a list of images.

    Raises
    ------
    FormatError
        As `read_bytes` and `decode_text`.
    """
    data = read_bytes(
        tree.path(relative), limit_name="file_bytes", limits=limits, shown=relative, empty=True
    )
    return re.split(r"\r\n|\r|\n", decode_text(data, relative)[0])
