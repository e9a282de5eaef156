"""Items of the platform's JSON: facts of an item, and the shapes that a file can have.

A file is an item with ``annotations``, ``{"_id", "filename", "annotations"}`` of the SDK, an old
export with ``itemMetadata``, or a bare list of annotations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dlgeom.converters.dataloop.values import bad
from dlgeom.converters.images import check_size
from dlgeom.converters.media_types import guess_type
from dlgeom.converters.names import safe_name
from dlgeom.errors import FormatError, UsageError
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["annotations_of", "item_json", "media_of", "read_item"]

METADATA_KEYS = ("metadata", "itemMetadata")
NAMED = frozenset({"annotations", "filename", "id", "_id", *METADATA_KEYS})
TURNED = (5, 6, 7, 8)
BARE = b"[]"
"""`Item.raw` of an item whose file is a bare list."""
_KINDS = ("image", "video", "audio", "text")


def annotations_of(root: object) -> list[Any]:
    """Return the list of annotations of a file.

    Raises
    ------
    FormatError
        ``schema.root``, ``schema.type``: it is no such file.
    """
    if isinstance(root, list):
        return root
    if not isinstance(root, Mapping):
        raise bad("schema.root", "is neither an item nor a list of annotations. Export it again")
    found = root.get("annotations")
    if not isinstance(found, list):
        raise bad("schema.type", f"annotations is {found!r:.60}; it is a list. Export it again")
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _size(value: object) -> int | None:
    """Return a side in pixels, None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == int(value) and value > 0 else None


def _count(*values: object) -> int | None:
    """Return the first number of frames among values, which may be digits."""
    for value in values:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        found = _size(value)
        if found is not None:
            return found
    return None


def media_of(mimetype: object, name: str | None) -> str:
    """Return image, video, audio or text: as the type says, else as the file's ending does."""
    kind = mimetype if isinstance(mimetype, str) else None
    if kind is None and name is not None:
        kind = guess_type(name)
        if kind is None and name.lower().endswith((".webm", ".mkv")):
            kind = "video"
    head = (kind or "image").split("/", 1)[0]
    return head if head in _KINDS else "image" if kind is None else "text"


def _media(mimetype: object, name: str | None, annotations: object) -> str:
    """Return the medium; where neither type nor name tell it, as the annotations do.

    Snapshots, or the id of an object and a later last frame, are found in videos only.
    """
    kind = media_of(mimetype, name)
    if kind != "image" or isinstance(mimetype, str):
        return kind
    if name is not None and guess_type(name) is not None:
        return kind
    entries = annotations if isinstance(annotations, list) else []
    return "video" if any(_over_frames(entry) for entry in entries) else kind


def _over_frames(entry: object) -> bool:
    system = _mapping(_mapping(_mapping(entry).get("metadata")).get("system"))
    end = system.get("endFrame")
    late = isinstance(end, int | float) and not isinstance(end, bool) and end > 1
    return bool(system.get("snapshots_")) or (system.get("objectId") is not None and late)


def _fps(metadata: Mapping[str, Any], system: Mapping[str, Any]) -> float | None:
    for value in (system.get("fps"), metadata.get("fps")):
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return float(value)
    text = _mapping(system.get("ffmpeg")).get("avg_frame_rate")
    if isinstance(text, str):
        from dlgeom.video.timebase import as_rate

        try:
            return float(as_rate(text))
        except UsageError:
            return None
    return None


def read_item(
    root: object,
    default_name: str | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    shown: str | None = None,
) -> Item:
    """Read the facts of an item.

    Parameters
    ----------
    root : mapping or list
        The file's root.
    default_name : str, optional
        Name where the file does not say it.

    Raises
    ------
    FormatError
        ``path.escape``... for a name that leaves the data set, ``image.size``.
    LimitError
        ``limit.pixels``.
    """
    if not isinstance(root, Mapping):
        return Item(name=default_name, media=_media(None, default_name, root), raw=BARE)
    key = next((name for name in METADATA_KEYS if name in root), "metadata")
    metadata = _mapping(root.get(key))
    system = _mapping(metadata.get("system"))
    ffmpeg = _mapping(system.get("ffmpeg"))
    name = default_name
    said = root.get("filename")
    if isinstance(said, str):
        name, _ = safe_name(said.removeprefix("/"), limits=limits, shown=shown)
    elif said is not None:
        raise FormatError(
            f"filename is {said!r:.60}; names are text. Correct it", code="type.text", path=shown
        )
    width = _size(system.get("width")) or _size(ffmpeg.get("width"))
    height = _size(system.get("height")) or _size(ffmpeg.get("height"))
    orientation = _size(_mapping(system.get("exif")).get("Orientation"))
    if orientation in TURNED:
        width, height = height, width
    if width and height:
        check_size(width, height, limits=limits, shown=shown)
    user = _mapping(metadata.get("user"))
    ours = _mapping(user.get("dlgeom"))
    identifier = root.get("id", root.get("_id"))
    return Item(
        name=name,
        width=width if height else None,
        height=height if width else None,
        media=_media(system.get("mimetype"), name, root.get("annotations")),
        fps=_fps(metadata, system),
        frame_count=_count(
            ffmpeg.get("nb_read_frames"),
            ffmpeg.get("nb_frames"),
            system.get("nb_frames"),
            system.get("nb_frames_estimation"),
        ),
        exif_orientation=orientation if orientation and orientation <= 8 else None,
        metadata=_others(metadata),
        id=ours.get("id", identifier if isinstance(identifier, int | str) else None),
        subset=ours["subset"] if isinstance(ours.get("subset"), str) else None,
        fields={k: v for k, v in root.items() if k not in NAMED} | dict(ours.get("fields") or {}),
        raw=_dumps({k: v for k, v in root.items() if k != "annotations"}),
    )


def _others(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the metadata without what is ours."""
    found = dict(metadata)
    user = metadata.get("user")
    if isinstance(user, Mapping) and "dlgeom" in user:
        found["user"] = {key: value for key, value in user.items() if key != "dlgeom"}
        if not found["user"]:
            del found["user"]
    return found or None


def _dumps(value: Any) -> bytes:
    # Half of a surrogate pair is valid JSON as an escape only.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def item_json(item: Item | None, annotations: list[Any], *, whole: bool = True) -> Any:
    """Return the root of an item's file.

    Parameters
    ----------
    item : Item, optional
        If it was read from the platform's JSON, what was not changed comes out as it was.
    annotations : list
        As the platform has them.
    whole : bool
        Whether metadata is written too: False gives ``{"_id", "filename", "annotations"}``.
    """
    if item is not None and item.raw == BARE and not (item.metadata or item.fields):
        return annotations
    root: dict[str, Any] | None = None
    if item is not None and item.raw:
        root = json.loads(item.raw)
        if not isinstance(root, dict) or not {"filename", *METADATA_KEYS, "_id"} & set(root):
            root = None
    name = None if item is None or item.name is None else "/" + item.name
    if not whole:
        return {"_id": None if item is None else item.id, "filename": name} | {
            "annotations": annotations
        }
    if item is None:
        return {"_id": None, "filename": None, "annotations": annotations, "metadata": {}}
    if root is not None:
        return _edited(item, root, name, annotations)
    return _fresh(item, name, annotations)


def _edited(
    item: Item, root: dict[str, Any], name: str | None, annotations: list[Any]
) -> dict[str, Any]:
    before = read_item(root, item.name)
    if item.name != before.name:
        root["filename"] = name
    if item.id != before.id:
        root["id" if "id" in root or "_id" not in root else "_id"] = item.id
    now = (item.metadata, item.width, item.height, item.fps)
    if now != (before.metadata, before.width, before.height, before.fps):
        key = next((k for k in METADATA_KEYS if k in root), "metadata")
        root[key] = _metadata(item)
    if item.subset != before.subset:
        _put_subset(root, item.subset)
    fields, old = item.fields or {}, before.fields or {}
    for key in {*fields, *old}:
        if fields.get(key) != old.get(key) and key in fields:
            root[key] = fields[key]
        elif key not in fields:
            root.pop(key, None)
    root["annotations"] = annotations
    return root


def _put_subset(root: dict[str, Any], subset: str | None) -> None:
    key = next((k for k in METADATA_KEYS if k in root), "metadata")
    metadata = _mapping(root.get(key))
    user = _mapping(metadata.get("user"))
    ours = {**_mapping(user.get("dlgeom")), "subset": subset}
    if subset is None:
        del ours["subset"]
    root[key] = {**metadata, "user": {**user, "dlgeom": ours}}


def _metadata(item: Item) -> dict[str, Any]:
    metadata = dict(item.metadata or {})
    system = dict(_mapping(metadata.get("system")))
    width, height = item.width, item.height
    if item.exif_orientation in TURNED:
        width, height = height, width
    if width and height:
        system["width"], system["height"] = width, height
    if item.exif_orientation:
        exif = _mapping(system.get("exif"))
        system["exif"] = {**exif, "Orientation": item.exif_orientation}
    if item.fps:
        system["fps"] = item.fps
    if "mimetype" not in system:
        guessed = guess_type(item.name or "")
        if guessed is None or guessed.split("/")[0] != item.media:
            guessed = f"{item.media}/*"
        system["mimetype"] = guessed
    if item.frame_count and item.media == "video":
        system.setdefault("nb_frames", item.frame_count)
    metadata["system"] = system
    return metadata


def _fresh(item: Item, name: str | None, annotations: list[Any]) -> dict[str, Any]:
    metadata = _metadata(item)
    ours: dict[str, Any] = {}
    if item.id is not None:
        ours["id"] = item.id
    if item.subset is not None:
        ours["subset"] = item.subset
    if item.extra:
        ours["fields"] = item.extra
    if ours:
        metadata["user"] = {**_mapping(metadata.get("user")), "dlgeom": ours}
    folder, _, base = (name or "").rpartition("/")
    return {
        "id": None,
        "datasetId": None,
        "filename": name,
        "dir": folder or "/",
        "name": base or None,
        "type": "file",
        "metadata": metadata,
        "annotationsCount": len(annotations),
        "annotated": bool(annotations),
        "annotations": annotations,
    }
