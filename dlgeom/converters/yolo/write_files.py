"""Names and files of a YOLO target: where labels and images go, ``images.csv``, ``data.yaml``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from dlgeom.converters.images import plain_image_stems
from dlgeom.converters.named import NameSet
from dlgeom.converters.names import Claims, is_plain_name, output_name, safe_name, stem_of
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable
from dlgeom.limits import Limits

__all__ = [
    "CSV_HEADER",
    "Namer",
    "csv_line",
    "data_yaml",
    "folder_of_label",
    "named_splits",
    "plain_csv_lines",
]

CSV_HEADER = b"label_file,file_name,width,height,orientation\n"
_NEEDS_QUOTES = re.compile(r'[",\r\n]|^\s|\s$')
# What YAML shows as it is: behind ``images/``, and between quotes.
_PLAIN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_QUOTABLE = re.compile(r"[!#-[\]-~](?:[ !#-[\]-~]{0,98}[!#-[\]-~])?")
_RESERVED_KEYS = frozenset(
    [
        *("path", "train", "val", "validation", "test", "names", "nc", "task", "download"),
        *("category_ids", "kpt_shape", "kpt_names", "flip_idx", "channels"),
        *("classes", "valid", "backup", "results", "eval", "top", "labels", "map", "tree"),
    ]
)


NamerState = tuple[Claims, dict[str, str], NameSet, NameSet, set[str]]
"""Names of label files, folders of splits, images without an ending, folders of images.

The last ones are the folders that look like images.
"""


class Namer:
    """Gives each item its label file, so that no two share one on any file system.

    Parameters
    ----------
    problems : Problems
        Is told of names that had to change.
    limits : Limits
        Bounds names.
    subset : str
        Split of items that name none.
    form : str
        How the folder of a split is called, ``{}`` being its name.
    moved : frozenset of str
        Folders in which the target's readers look for labels elsewhere.
    """

    def __init__(
        self,
        problems: Problems,
        limits: Limits,
        subset: str,
        *,
        form: str = "{}",
        moved: frozenset[str] = frozenset({"images"}),
    ) -> None:
        self._problems = problems
        self._limits = limits
        self._default = subset
        self._form = form
        self._moved = moved
        self._claims = Claims()
        self._folder_claims = Claims()
        self._bare = NameSet()
        self._parents = NameSet()
        self._dotted: set[str] = set()
        self._last_folder = ""
        self.folders: dict[str, str] = {}

    def folder(self, subset: str | None) -> str:
        """Return the folder of a split, below ``labels`` and ``images``."""
        name = subset or self._default
        found = self.folders.get(name)
        if found is None:
            clean = re.sub(r"[^\w.() -]", "_", unicodedata.normalize("NFC", name))
            clean = output_name(clean.strip(" .")[:100] or "train")
            # Ultralytics puts "labels" for the last "images" of a path.
            clean = f"{clean}_" if clean in self._moved else clean
            found = self._form.format(self._folder_claims.claim(clean)[0])
            self.folders[name] = found
        return found

    def state(self) -> NamerState:
        """Return the names that were given."""
        return self._claims, self.folders, self._bare, self._parents, self._dotted

    def merge(self, state: NamerState) -> bool:
        """Take the names that another process gave to the items that come next.

        Returns
        -------
        bool
            False where this one might have given others, or refused some; only folders of splits
            are taken then.
        """
        claims, folders, bare, parents, dotted = state
        if any(self.folder(name or None) != folder for name, folder in folders.items()):
            return False
        if not self._claims.apart(claims):
            return False
        if not (self._parents.apart(bare) and parents.apart(self._bare)):
            return False
        if _may_be_images(self._dotted, claims, self.folders) or _may_be_images(
            dotted, self._claims, self.folders
        ):
            return False
        self._claims.merge(claims)
        self._bare.merge(bare)
        self._parents.merge(parents)
        self._dotted |= dotted
        return True

    def place(self, item: Item) -> str:
        """Return the item's place, ``<split's folder>/<name without its ending>``.

        Raises
        ------
        FormatError
            For a name that leaves the target or is none (``path.*``).
        """
        name = item.name
        if name is not None and not self._parents and is_plain_name(name):
            stem = name[: name.rindex(".")]
            wanted = f"{self.folder(item.subset)}/{stem}.txt"
            given, collided = self._claims.claim(wanted)
            return self._told(name, wanted, given) if collided else given[:-4]
        if name is None:
            name = f"{item.id if item.id is not None else item.number}"
            name = re.sub(r"[^\w.-]", "_", name)
        clean = output_name(safe_name(name, limits=self._limits)[0])
        if "/" in clean:
            clean = self._in_folders(clean)
        elif self._parents and clean.casefold() in self._parents:
            raise self._mixed(clean)
        if "." not in clean:
            self._bare.add(clean.casefold())
        wanted = f"{self.folder(item.subset)}/{stem_of(clean)}.txt"
        given, collided = self._claims.claim(wanted)
        return self._told(name, wanted, given) if collided else given[:-4]

    def plain_places(self, items: Sequence[Item]) -> list[str] | None:
        """Return the place of each item, where all names are plain and none is taken.

        Else None, and none is given: the names have to be looked at one by one.
        """
        names = [item.name for item in items]
        if None in names or self._parents:
            return None
        stems = plain_image_stems([name or "" for name in names])
        if stems is None:
            return None
        subsets = [item.subset for item in items]
        folders = {subset: self.folder(subset) for subset in dict.fromkeys(subsets)}
        if not all(map(str.isascii, folders.values())):
            return None
        places = [f"{folders[subset]}/{stem}" for subset, stem in zip(subsets, stems, strict=True)]
        return places if self._claims.claim_all([f"{place}.txt" for place in places]) else None

    def _told(self, name: str, wanted: str, given: str) -> str:
        """Tell that an image's label file has another name, and return its place."""
        self._problems.warning(
            "path.collision",
            f"{name!r} would share the label file {wanted!r} with another image; "
            f"its files are named {given[:-4]!r} instead",
        )
        return given[:-4]

    def _in_folders(self, name: str) -> str:
        """Return a nested name in folders that mean nothing to YOLO and are no label files."""
        *folders, base = name.split("/")
        for index, folder in enumerate(folders):
            if folder in self._moved or folder.lower().endswith(".txt"):
                folders[index] = f"{folder}_"
        whole = "/".join(folders)
        if whole != self._last_folder:
            # Images of one folder mostly follow each other.
            path = ""
            for folder in folders:
                path = f"{path}/{folder}".lstrip("/")
                key = path.casefold()
                if key not in self._parents:
                    if key in self._bare:
                        raise self._mixed(path)
                    self._parents.add(key)
                    if "." in folder:
                        self._dotted.add(key)
            self._last_folder = whole
        name = f"{whole}/{base}"
        if name.casefold() in self._parents:
            raise self._mixed(name)
        return name

    @staticmethod
    def _mixed(name: str) -> FormatError:
        return FormatError(
            f"{name!r} is the name of an image and of a folder of others; a file system holds "
            "one of them. Rename one",
            code="path.collision",
        )


def _may_be_images(dotted: set[str], claims: Claims, folders: Mapping[str, str]) -> bool:
    """Whether a folder of images may have the name of an image, ending included."""
    return any(
        claims.holds(f"{folder}/{stem_of(parent)}.txt")
        for parent in dotted
        for folder in folders.values()
    )


def csv_line(label_file: str, item: Item) -> str:
    """Return the line of ``images.csv`` of an item; sizes that nobody knows are empty."""
    width = "" if item.width is None else item.width
    height = "" if item.height is None else item.height
    turn = 1 if item.exif_orientation is None else item.exif_orientation
    name = item.name or label_file[7:-4]
    if not is_plain_name(name):
        name, label_file = _field(name), _field(label_file)
    return f"{label_file},{name},{width},{height},{turn}\n"


def plain_csv_lines(label_files: Sequence[str], items: Sequence[Item]) -> str:
    """Return the lines of ``images.csv`` of items with plain names; see `csv_line`."""
    return "".join(
        [
            f"{label_file},{item.name},{'' if item.width is None else item.width},"
            f"{'' if item.height is None else item.height},"
            f"{1 if item.exif_orientation is None else item.exif_orientation}\n"
            for label_file, item in zip(label_files, items, strict=True)
        ]
    )


def _field(text: str) -> str:
    """Quote a field as RFC 4180 has it, where it needs that."""
    if _NEEDS_QUOTES.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def data_yaml(
    labels: LabelTable,
    task: str,
    folders: Sequence[str],
    pose: tuple[int, int] | None,
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """Return the text of ``data.yaml``.

    Parameters
    ----------
    labels : LabelTable
        All classes, in order.
    task : str
        Told to readers; Ultralytics ignores it.
    folders : sequence of str
        Folders of the splits, in the order of the source.
    pose : (int, int), optional
        Keypoints of each pose and numbers for each, where the task has any.
    extra : mapping
        Further keys of the source; those that name other folders of images are left out.
    """
    stale = ("minival", "masks_dir")
    if pose is None and extra.keys() <= {*stale}:
        plain = _plain_yaml(labels, task, named_splits(folders))
        if plain is not None:
            return plain
    import yaml

    class Quoted(str):
        """A name that no YAML reader takes for a number or a truth value."""

        __slots__ = ()

    class Dumper(yaml.SafeDumper):
        pass

    Dumper.add_representer(
        Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, '"')
    )
    # No key "path": without it Ultralytics starts at the folder of this file, while "." would be
    # the folder that the training happens to be started in.
    content: dict[str, Any] = {
        key: f"images/{folder}" for key, folder in named_splits(folders).items()
    }
    content["task"] = task
    content["nc"] = len(labels)
    content["names"] = {index: Quoted(label.name) for index, label in enumerate(labels)}
    ids = [label.id for label in labels]
    if all(found is not None for found in ids):
        content["category_ids"] = [Quoted(i) if isinstance(i, str) else i for i in ids]
    if pose is not None:
        content["kpt_shape"] = list(pose)
        flip = _flip(labels, pose[0])
        if flip:
            content["flip_idx"] = flip
        named = {
            index: [Quoted(name) for name in label.keypoints]
            for index, label in enumerate(labels)
            if len(label.keypoints) == pose[0]
        }
        if named:
            content["kpt_names"] = named
    content.update((key, extra[key]) for key in extra if key not in content and key not in stale)
    text: bytes = yaml.dump(
        content, Dumper=Dumper, allow_unicode=True, sort_keys=False, encoding="utf-8", width=1 << 20
    )
    return text


def _plain_yaml(labels: LabelTable, task: str, splits: Mapping[str, str]) -> bytes | None:
    """Return the text of ``data.yaml`` as PyYAML writes it, None where it takes PyYAML to tell.

    To load PyYAML takes a twentieth of a small conversion, and most class files are like this.
    """
    names = [label.name for label in labels]
    ids = [label.id for label in labels]
    texts = [task, *splits, *splits.values(), *(i for i in ids if isinstance(i, str))]
    if not names or not all(map(_PLAIN_TEXT.fullmatch, texts)):
        return None
    if not splits.keys() <= {"train", "val", "test"} or not all(map(_QUOTABLE.fullmatch, names)):
        return None
    lines = [f"{key}: images/{folder}" for key, folder in splits.items()]
    lines += [f"task: {task}", f"nc: {len(names)}", "names:"]
    lines += [f'  {index}: "{name}"' for index, name in enumerate(names)]
    if all(found is not None for found in ids):
        lines.append("category_ids:")
        lines += [f'- "{found}"' if isinstance(found, str) else f"- {found}" for found in ids]
    return "".join(f"{line}\n" for line in lines).encode()


def named_splits(folders: Sequence[str]) -> dict[str, str]:
    """Return which folder is ``train``, ``val``, ``test``; others keep their own names.

    ``train`` and ``val`` are always there: they name the same folder if there is one only.
    """
    rest = list(folders) or ["train"]
    found: dict[str, str] = {}
    for key in ("train", "val", "test"):
        likely = [folder for folder in rest if folder.lower().startswith(key)]
        if likely:
            found[key] = min(likely, key=lambda folder: folder.lower() != key)
            rest.remove(found[key])
    if "train" not in found:
        found["train"] = rest.pop(0) if rest else next(iter(found.values()))
    if "val" not in found:
        found["val"] = rest.pop(0) if rest else found["train"]
    order: tuple[str, ...] = ("train", "val", "test")
    splits = {key: found[key] for key in order if key in found}
    for folder in rest:
        splits[f"{folder}_subset" if folder in _RESERVED_KEYS else folder] = folder
    return splits


def _flip(labels: LabelTable, count: int) -> list[int]:
    """Return the keypoint that each becomes in a mirrored image, [] where nobody knows."""
    for label in labels:
        if len(label.flip) == count and sorted(label.flip) == list(range(count)):
            return list(label.flip)
    kinds = {label.keypoints for label in labels if label.keypoints}
    return _flip_by_name(kinds.pop(), count) if len(kinds) == 1 else []


def _flip_by_name(names: Sequence[str], count: int) -> list[int]:
    """Pair ``left_x`` with ``right_x``."""
    if len(names) != count or len(set(names)) != count:
        return []
    swap = {"left": "right", "right": "left"}
    place = {name: index for index, name in enumerate(names)}
    pairs = [
        place.get(re.sub("left|right", lambda found: swap[found[0]], name), -1) for name in names
    ]
    return [] if -1 in pairs or sorted(pairs) != list(range(count)) else pairs


def folder_of_label(label: Label, claims: Claims) -> str:
    """Return the folder of a class of the task classify."""
    clean = re.sub(r"[\x00-\x1f\x7f/\\]", "_", label.name).strip(" .")[:100] or "class"
    return claims.claim(output_name(clean))[0]
