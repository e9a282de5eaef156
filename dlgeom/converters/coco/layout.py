"""Which files of a path belong to a COCO data set, and to which of its splits."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dlgeom.converters.coco.read_source import HEAD, read_head
from dlgeom.converters.inputs import check_inside
from dlgeom.converters.packed import bare_name
from dlgeom.converters.ytvis.recognise import is_native as is_tracks
from dlgeom.errors import FormatError, UsageError

__all__ = ["AnnotationFile", "find_files", "image_folders", "looks_like", "split_name", "url_name"]

ROBOFLOW = "_annotations.coco"
_KIND = re.compile(
    r"(person_keypoints|keypoints|instances|captions|stuff|(?:[a-z0-9]+_)?panoptic|image_info|images_info|labels"
    r"|lvis(?:_v\d+(?:\.\d+)?)?)_(.+)"
)
_SPLIT = re.compile(
    r"(train|training|val|valid|validation|test|test-dev|minival|trainval)[-_]?(\d{4})?"
)
_ROOT_KEYS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
_RESULT = re.compile(rb"\s*\[\s*\{")
_ANNOTATION_KEYS = (b'"category_id"', b'"caption"', b'"keypoints"', b'"bbox"')
_RECORD = 64 << 10
LONG_HEAD = 4 << 20
"""Bytes looked at where the first ones do not tell: sections come in any order and size."""


class AnnotationFile(msgspec.Struct, kw_only=True):
    """One file: where it is, how it is called, its kind and split."""

    path: Path
    shown: str
    kind: str
    subset: str | None


def is_json(path: Path) -> bool:
    """Whether a name ends in ``.json``, perhaps packed."""
    name = path.name.lower()
    return bare_name(name).endswith(".json") and not name.startswith("._")


def stem(path: Path) -> str:
    """Return the name without ``.json``, ``.json.gz`` or ``.json.zst``."""
    name = bare_name(path.name)
    return name[:-5] if name.lower().endswith(".json") else name


def split_name(path: Path, *, alone: bool) -> tuple[str, str | None]:
    """Return kind and split that a file name tells; the stem if it is one of several files."""
    name = stem(path)
    if name == ROBOFLOW:
        return "instances", path.parent.name
    found = _KIND.fullmatch(name)
    if found:
        kind = "lvis" if found[1].startswith("lvis") else found[1]
        return kind, None if found[2] == "default" else found[2]
    if _SPLIT.fullmatch(name) or not alone:
        return "", name
    return "", None


def looks_like(path: Path) -> int:
    """Return how sure it is that a file is COCO JSON: 0 no, 1 could be, 2 surely."""
    if not is_json(path):
        return 0
    head = read_head(path)
    if is_tracks(head):
        return 0
    named = path.parent.name == "annotations" and _KIND.fullmatch(stem(path)) is not None
    if not head.lstrip().startswith(b"{"):
        if _RESULT.match(head) and b'"image_id"' in head[:8192]:
            return 2 if any(key in head for key in _ANNOTATION_KEYS) else 1
        return 2 if named or stem(path) == ROBOFLOW else 0
    if named or _tells(head):
        return 2
    if len(head) >= HEAD // 2:  # a byte order mark is gone, UTF-16 is half as long
        head = read_head(path, LONG_HEAD)
        if is_tracks(head):
            return 0
    return 2 if _tells(head) else 1 if b'"images"' in head else 0


def _tells(head: bytes) -> bool:
    """Whether the first bytes of an object show the lists of a COCO file."""
    keys = set(_ROOT_KEYS.findall(head))
    if b"images" in keys or {b"annotations", b"categories"} <= keys:
        return True
    if b'"licenses"' in head[:4096] and b'"info"' in head[:4096]:
        return True
    found = _ROOT_KEYS.search(head) if keys == {b"annotations"} else None
    if found is None:
        return False
    # Other formats have lists of this name, but no records that name an image and a class.
    record = head[found.end() : found.end() + _RECORD]
    return b'"image_id"' in record and any(
        key in record for key in (*_ANNOTATION_KEYS, b'"segments_info"')
    )


def _candidates(root: Path) -> list[Path]:
    """Return the files of the first layout that fits."""
    for pattern in ("annotations/*", "*/_annotations.coco.json*", "*"):
        found = sorted(path for path in root.glob(pattern) if is_json(path) and not path.is_dir())
        # A pipe is kept, so that it is told; looking into it would wait for ever.
        found = [path for path in found if not path.is_file() or looks_like(path)]
        if found:
            return found
    return []


def find_files(path: Path, subsets: Sequence[str]) -> list[AnnotationFile]:
    """Return the annotation files of a path, those of one split next to each other.

    Raises
    ------
    FormatError
        ``schema.root`` where a folder has none.
    UsageError
        Where none of the wished splits is there.
    """
    if not path.is_dir():
        kind, subset = split_name(path, alone=True)
        return [
            AnnotationFile(
                path=path,
                shown=path.name,
                kind=kind,
                subset=subset,
            )
        ]
    if path.name == "annotations":
        raise FormatError(
            "is a folder, and no data set but a part of one; a source is a JSON file or the folder "
            "that holds annotations/. Name one of them",
            code="file.not_regular",
            path=str(path),
        )
    paths = _candidates(path)
    if not paths:
        raise FormatError(
            "holds no COCO annotations; expected annotations/*.json, "
            "<split>/_annotations.coco.json or JSON files. Name the file itself",
            code="schema.root",
            path=str(path),
        )
    files = []
    for entry in paths:
        shown = entry.relative_to(path).as_posix()
        check_inside(entry, path, shown)
        kind, subset = split_name(entry, alone=len(paths) == 1)
        files.append(
            AnnotationFile(
                path=entry,
                shown=shown,
                kind=kind,
                subset=subset,
            )
        )
    return _wished(files, subsets)


def _wished(files: list[AnnotationFile], subsets: Sequence[str]) -> list[AnnotationFile]:
    names = {file.subset for file in files}
    if subsets and names != {None}:
        unknown = sorted(set(subsets) - names)
        if unknown:
            known = ", ".join(sorted(str(name) for name in names if name is not None))
            raise UsageError(f"no split {unknown[0]!r}; the data set has {known}")
        files = [file for file in files if file.subset in subsets]
    rank = {"instances": 0, "lvis": 0, "": 1, "person_keypoints": 2, "keypoints": 2, "captions": 9}
    return sorted(files, key=lambda f: (_order(f.subset), rank.get(f.kind, 5), f.shown))


def _order(subset: str | None) -> tuple[int, str]:
    """Put training before validation before tests, other splits behind, by name."""
    name = subset or ""
    starts = ("train", "val", "test")
    rank = next((place for place, start in enumerate(starts) if name.startswith(start)), 3)
    return rank, name


def url_name(url: object) -> str | None:
    """Return the file name that an image's ``coco_url`` tells: LVIS has no ``file_name``."""
    if not isinstance(url, str):
        return None
    return posixpath.basename(re.split("[?#]", url, maxsplit=1)[0]) or None


def image_folders(file: Path, subset: str | None) -> list[Path]:
    """Return the folders in which the images of a file may lie."""
    here = file.parent
    root = here.parent if here.name == "annotations" else here
    folders = []
    if subset:
        folders += [root / "images" / subset, root / subset]
    folders += [root / "images", here, root]
    return list(dict.fromkeys(folders))
