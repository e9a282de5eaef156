"""Where the files of a VOC data set are: annotations, masks, images, image sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from dlgeom.converters.base import ReadContext
from dlgeom.converters.glance import glance
from dlgeom.converters.inputs import check_inside, read_bytes
from dlgeom.converters.names import safe_name
from dlgeom.converters.voc.sets import ImageSets, read_sets
from dlgeom.errors import DlgeomError, FormatError, UsageError

__all__ = ["Entry", "Layout", "find_layout", "looks_like_voc", "recognise"]

_SPLITS = frozenset({"train", "val", "valid", "validation", "test"})
_MASKS = frozenset({"segmentationclass", "segmentationobject"})
_START = 4096


class Entry(msgspec.Struct):
    """One image: the stem that ties its files together, its files and its split."""

    stem: str
    xml: str | None = None
    subset: str | None = None


class Layout(msgspec.Struct):
    """The folders of a data set.

    Parameters
    ----------
    root : Path
        The data set.
    annotations : Path
        Folder of the XML files.
    entries : list of Entry
        The images, by split and then by name.
    classes, objects : Path or None
        Folders of the masks of classes and of objects.
    images : Path or None
        Folder of the images.
    subsets : list of str
        Splits that `entries` have, in their order.
    sets : ImageSets
        The image sets.
    beyond : list of str
        Those that say more than which split an image belongs to.
    single : bool
        Whether the source is one XML file.
    """

    root: Path
    annotations: Path
    entries: list[Entry]
    classes: Path | None = None
    objects: Path | None = None
    images: Path | None = None
    subsets: list[str] = msgspec.field(default_factory=list)
    sets: ImageSets = msgspec.field(default_factory=ImageSets)
    beyond: list[str] = msgspec.field(default_factory=list)
    single: bool = False


def looks_like_voc(start: bytes) -> bool:
    """Whether the first kilobytes of a file are those of a VOC annotation."""
    for encoding in ("utf-16-le", "utf-16-be"):
        mark = "<annotation".encode(encoding)
        if mark in start:
            return "<annotations".encode(encoding) not in start  # CVAT's root
    at = start.find(b"<annotation")
    if at < 0 or start[at + 11 : at + 12] not in (b">", b" ", b"\t", b"\r", b"\n", b"/"):
        return False
    # LabelMe's XML has the same root; its polygons have a user's name beside the points.
    return b"<sourceImage>" not in start and b"<username>" not in start


def _start_of(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as stream:
        return stream.read(_START)


def recognise(path: Path) -> int:
    """Return 2 where a path surely is a VOC data set, 1 where it could be, else 0."""
    try:
        if path.is_file():
            return 2 if path.suffix.lower() == ".xml" and looks_like_voc(_start_of(path)) else 0
        if not path.is_dir():
            return 0
        folders = glance(path).folders
        if "SegmentationClass" in folders or "SegmentationObject" in folders:
            return 2
        named = _child(path, "Annotations")
        if named is not None and (first := next(_xml_files(named), None)) is not None:
            return 2 if looks_like_voc(_start_of(named / first)) else 1
        if "ImageSets" in folders and ("JPEGImages" in folders or named is not None):
            return 1
        if any(names & {"imagesets", *_MASKS} for names in _inner(path).values()):
            return 2
        first = _first_xml(path, levels=3)
        return 2 if first is not None and looks_like_voc(_start_of(path / first)) else 0
    except (OSError, DlgeomError):
        return 0


def _inner(path: Path) -> dict[str, set[str]]:
    """Return the folders of a folder that have annotations or masks, with what lies in each."""
    found = {}
    listing = glance(path)
    for name in listing.folders:
        if name not in listing.links:
            names = {below.lower() for below in glance(path / name).folders}
            if names & {"annotations", *_MASKS}:
                found[name] = names
    return found


def _down(path: Path) -> Path:
    """Return the one data set that a folder such as ``VOCdevkit`` has, else the folder.

    Raises
    ------
    FormatError
        ``schema.root`` where it has several whose splits or masks would not be read.
    """
    whole = ("Annotations", "SegmentationClass", "SegmentationObject", "ImageSets")
    if any(_child(path, name) is not None for name in whole):
        return path
    found = _inner(path)
    if len(found) > 1 and any(names & {"imagesets", *_MASKS} for names in found.values()):
        raise FormatError(
            f"holds several data sets: {', '.join(sorted(found))}; each has its own splits and "
            "masks. Name one of them",
            code="schema.root",
            path=str(path),
        )
    if len(found) == 1:
        ((name, names),) = found.items()
        if names & {"imagesets", "jpegimages", *_MASKS}:
            return path / name
    return path


def _child(path: Path, name: str) -> Path | None:
    """Return a folder of that name in any letter case, the exact one first."""
    if (path / name).is_dir():
        return path / name
    for entry in glance(path).folders:
        if entry.lower() == name.lower():
            return path / entry
    return None


def _files(
    root: Path,
    suffix: str,
    below: str = "",
    levels: int = 64,
    refuse: Callable[[FormatError], None] | None = None,
) -> Iterator[str]:
    """Yield the relative names of the files with an ending, sorted in each folder."""
    place = root / below if below else root
    names: list[str] = []
    links: set[str] = set()
    inner: set[str] = set()
    # The entries themselves, each with its whole path, are most of a large folder's memory.
    with os.scandir(place) as listing:
        for entry in listing:
            names.append(entry.name)
            if entry.is_symlink():
                links.add(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                inner.add(entry.name)
    names.sort()
    folders = []
    for name in names:
        if name.startswith("._") or name == ".DS_Store":
            continue
        if name.lower().endswith(suffix) and name not in inner:
            if name in links:
                try:
                    check_inside(place / name, root, below + name)
                except FormatError as error:
                    if refuse is not None:
                        refuse(error)
                    continue
            yield below + name
        elif levels > 1 and name in inner:
            folders.append(below + name + "/")
    for folder in folders:
        yield from _files(root, suffix, folder, levels - 1, refuse)


def _first_xml(root: Path, below: str = "", levels: int = 64) -> str | None:
    """Return the first of `_files`; folders without such files are not sorted."""
    listing = glance(root / below)
    if ".xml" in listing.endings:
        first = next(_files(root, ".xml", below, 1), None)
        if first is not None:
            return first
    for name in listing.folders if levels > 1 else ():
        if name not in listing.links and not name.startswith("._"):
            first = _first_xml(root, f"{below}{name}/", levels - 1)
            if first is not None:
                return first
    return None


def _xml_files(root: Path, levels: int = 64) -> Iterator[str]:
    return _files(root, ".xml", "", levels)


def _images_folder(root: Path, annotations: Path, context: ReadContext) -> Path | None:
    if context.images is not None:
        return context.images
    for name in ("JPEGImages", "images"):
        found = _child(root, name)
        if found is not None:
            return found
    # Roboflow and labelImg leave the XML files beside the images.
    return annotations if annotations.is_dir() else None


def find_layout(path: Path, context: ReadContext) -> Layout:
    """Find the files of a data set.

    Parameters
    ----------
    path : Path
        A folder with ``Annotations`` or masks, a folder that holds one, a folder of XML files,
        or one XML file.
    context : ReadContext
        `images` and `subsets` are heeded; bad names in image sets are told to `problems`.

    Raises
    ------
    FormatError
        ``schema.root`` where nothing is found, or several data sets.
    UsageError
        For splits that the data set does not have.
    """
    if not path.is_dir():
        return _single(path, context)
    path = _down(path)
    annotations = _child(path, "Annotations")
    root = path
    if annotations is None and path.name.lower() == "annotations":
        root = path.parent
    folder = annotations or path
    has_masks = any((root / name).is_dir() for name in ("SegmentationClass", "SegmentationObject"))
    only_masks = annotations is None and folder is root and has_masks
    refuse = context.problems.file
    names = () if only_masks else _files(folder, ".xml", refuse=refuse)
    found = {name[:-4]: name for name in names}
    layout = Layout(
        root=root,
        annotations=folder,
        entries=[],
        classes=_child(root, "SegmentationClass"),
        objects=_child(root, "SegmentationObject"),
        images=_images_folder(root, folder, context),
    )
    stems = set(found)
    for masks in (layout.classes, layout.objects):
        if masks is not None:
            stems.update(name[:-4] for name in _files(masks, ".png", refuse=refuse))
    if stems == set(found) and not _has_mask(layout, found):
        layout.classes = layout.objects = None  # folders that tools make and leave empty
    layout.sets = read_sets(root, context, stems)
    _split(layout, stems, found, context)
    if not layout.entries and not layout.sets.lists:
        raise FormatError(
            "holds no XML file and no mask; a VOC data set has Annotations or "
            "SegmentationClass. Name the right folder",
            code="schema.root",
            path=str(path),
        )
    return layout


def _has_mask(layout: Layout, stems: Iterable[str]) -> bool:
    folders = [folder for folder in (layout.classes, layout.objects) if folder is not None]
    return any((folder / f"{stem}.png").is_file() for folder in folders for stem in stems)


def _single(path: Path, context: ReadContext) -> Layout:
    folder = path.parent
    root = folder.parent if folder.name.lower() == "annotations" else folder
    # Only a look: what is wrong with the file is told when it is read.
    read_bytes(path, limits=context.limits, shown=path.name)
    return Layout(
        root=root,
        annotations=folder,
        entries=[Entry(path.name[: -len(path.suffix)] if path.suffix else path.name, path.name)],
        images=_images_folder(root, folder, context),
        single=True,
    )


def _by_folder(stems: set[str]) -> dict[str, str]:
    """Return stem -> split where the first folder of each names one (Roboflow)."""
    first = {stem: stem.split("/", 1)[0] for stem in stems if "/" in stem}
    return first if len(first) == len(stems) and set(first.values()) <= _SPLITS else {}


def _split(layout: Layout, stems: set[str], found: dict[str, str], context: ReadContext) -> None:
    """Fill `entries` and `subsets`."""
    member, order = layout.sets.membership(stems, context.subsets)
    for stem in [stem for stem in member if stem not in stems]:
        try:
            clean, _ = safe_name(stem, limits=context.limits, shown="ImageSets")
        except FormatError as error:
            context.problems.file(error)
            del member[stem]
            continue
        if clean != stem:
            member[clean] = member.pop(stem)
    if not order and (member := _by_folder(stems)):
        order = ["train", "val", "valid", "validation", "test"]
    asked = list(context.subsets)
    if order and asked:
        unknown = [name for name in asked if name not in order]
        if unknown:
            raise UsageError(f"the data set has no split {unknown[0]!r}; it has {', '.join(order)}")
        stems = {stem for stem in stems if member.get(stem) in asked}
        member = {stem: name for stem, name in member.items() if name in asked}
    rank = {name: place for place, name in enumerate(order)}
    names = sorted(
        stems | set(member), key=lambda stem: (rank.get(member.get(stem, ""), 1 << 30), stem)
    )
    layout.entries = [Entry(stem, found.get(stem), member.get(stem)) for stem in names]
    used = {entry.subset for entry in layout.entries}
    layout.subsets = [name for name in order if name in used]
    layout.beyond = layout.sets.beyond(member, stems, asked)
