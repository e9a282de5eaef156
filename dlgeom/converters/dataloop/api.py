"""What `Annotation.from_json`, `AnnotationCollection.to_json`... delegate to."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.annotation import Annotation, AnnotationCollection, FrameAnnotation
from dlgeom.annotation.single import NO_DEFINITION
from dlgeom.converters.dataloop.computed import Room
from dlgeom.converters.dataloop.coordinates import encode
from dlgeom.converters.dataloop.itemjson import annotations_of, item_json, read_item
from dlgeom.converters.dataloop.options import MOST
from dlgeom.converters.dataloop.poses import write_all
from dlgeom.converters.dataloop.record import read_annotation, write_annotation
from dlgeom.converters.dataloop.snapshots import state_of
from dlgeom.converters.dataloop.text import check_value, parse
from dlgeom.converters.dataloop.values import plain
from dlgeom.converters.inputs import read_bytes
from dlgeom.definitions.base import Definition
from dlgeom.errors import FormatError, UsageError
from dlgeom.item import Item

__all__ = [
    "annotation_from_json",
    "annotation_to_json",
    "collection_from_file",
    "collection_from_json",
    "collection_to_json",
    "coordinates_of",
    "state_from_snapshot",
]


def _own(value: Any) -> Any:
    """Return a deep copy of a JSON value: what the caller gave is the caller's."""
    if isinstance(value, Mapping):
        return {key: _own(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_own(entry) for entry in value]
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value


def _item(
    item: Item | None,
    is_video: bool | None,
    fps: float | None,
    item_metadata: Mapping[str, Any] | None,
    is_audio: bool | None,
) -> Item | None:
    """Return the item with what the caller says of it; None where nobody says anything."""
    if item is None and item_metadata is not None:
        item = read_item({"metadata": _own(item_metadata)})
    if is_video or is_audio:
        media = "video" if is_video else "audio"
        item = Item(media=media) if item is None else msgspec.structs.replace(item, media=media)
    elif is_video is False and item is not None and item.media == "video":
        item = msgspec.structs.replace(item, media="image")
    if fps is not None:
        item = Item() if item is None else item
        item = msgspec.structs.replace(item, fps=fps)
    return item


def annotation_from_json(
    _json: Mapping[str, Any],
    item: Item | None = None,
    is_video: bool | None = None,
    fps: float | None = None,
    item_metadata: Mapping[str, Any] | None = None,
    is_audio: bool | None = None,
) -> Annotation:
    """Read one annotation; see `Annotation.from_json`."""
    whole = _item(item, is_video, fps, item_metadata, is_audio)
    raw = _own(_json)
    check_value(raw)
    annotation = read_annotation(raw, whole, is_video=is_video, is_audio=is_audio)
    if item is not None:
        annotation.item = whole
    return annotation


def annotation_to_json(annotation: Annotation) -> dict[str, Any]:
    """Return one annotation as the platform has it; see `Annotation.to_json`."""
    # A copy: what the caller does with it is not done to the record that it comes from.
    room = Room()
    made: dict[str, Any] = plain(write_annotation(annotation, room=room))
    _warn(room)
    return made


def _warn(room: Room) -> None:
    """Say which annotations only have their key frames, because all frames would be too many."""
    if room.refused:
        warnings.warn(
            f"{len(room.refused)} annotations need more than {MOST} computed snapshots; their key "
            "frames are written, each of which the platform shows up to the next one. Cut them "
            "with Track.cut(), or write files with dataloop_computed=N",
            stacklevel=4,
        )


def coordinates_of(definition: Definition) -> Any:
    """Return the platform's ``coordinates`` of a definition."""
    return None if definition is NO_DEFINITION else encode(definition)


def state_from_snapshot(
    annotation: Any, snapshot: Mapping[str, Any], fps: float | None
) -> FrameAnnotation:
    """Read one snapshot; see `FrameAnnotation.from_snapshot`."""
    before = getattr(annotation, "annotation_definition", None)
    if not isinstance(before, Definition) or before is NO_DEFINITION:
        raise UsageError(
            f"annotation is {annotation!r}; a snapshot belongs to an annotation with a "
            "definition, which says its type. Give that"
        )
    item = getattr(annotation, "item", None)
    rate = fps if fps is not None else getattr(annotation, "fps", None)
    return state_of(_own(snapshot), before, fps=rate, shape=None if item is None else item.shape)


def collection_from_json(
    _json: Any,
    item: Item | None = None,
    is_video: bool | None = None,
    fps: float | None = None,
    height: int | None = None,
    width: int | None = None,
    is_audio: bool | None = None,
    on_error: str = "raise",
    *,
    owned: bool = False,
    shown: str | None = None,
) -> AnnotationCollection:
    """Read an item with its annotations; see `AnnotationCollection.from_json`."""
    if on_error not in ("raise", "skip"):
        raise UsageError(f"on_error is {on_error!r}; it is 'raise' or 'skip'")
    if isinstance(_json, AnnotationCollection):
        _json = _json.to_json()
    root = _json if owned else _own(_json)
    if isinstance(root, Mapping) and "annotations" not in root and "type" in root:
        root = [root]
    entries = annotations_of(root)
    named = isinstance(root, Mapping)
    base = item if item is not None else read_item(root) if named else None
    whole = _item(base, is_video, fps, None, is_audio)
    if height is not None or width is not None:
        whole = Item() if whole is None else whole
        whole = msgspec.structs.replace(
            whole, height=whole.height or height, width=whole.width or width
        )
    collection = AnnotationCollection(whole)
    errors: list[dict[str, Any]] = []
    for index, raw in enumerate(entries):
        try:
            check_value(raw)
            collection.annotations.append(
                read_annotation(raw, whole, is_video=is_video, is_audio=is_audio, index=index)
            )
        except FormatError as error:
            identifier = raw.get("id") if isinstance(raw, Mapping) else None
            told = type(error)(
                error.message,
                code=error.code,
                path=shown,
                location=f"annotations[{index}]",
                annotation_id=identifier,
            )
            if on_error == "raise":
                raise told from error
            errors.append(
                {"index": index, "id": identifier, "code": error.code} | {"message": error.message}
            )
    if errors:
        collection.extra["errors"] = errors
    return collection


def collection_from_file(
    filepath: str | os.PathLike[str],
    item: Item | None = None,
    is_video: bool | None = None,
    fps: float | None = None,
    height: int | None = None,
    width: int | None = None,
    is_audio: bool | None = None,
    on_error: str = "raise",
) -> AnnotationCollection:
    """Read a file; see `AnnotationCollection.from_json_file`."""
    shown = os.fspath(filepath)
    data = read_bytes(Path(shown), limit_name="file_bytes", shown=shown)
    root, _ = parse(data, shown)
    return collection_from_json(
        root,
        item,
        is_video,
        fps,
        height,
        width,
        is_audio,
        on_error,
        owned=True,
        shown=shown,
    )


def collection_to_json(
    collection: AnnotationCollection, *, item_metadata: bool = False
) -> dict[str, Any]:
    """Return an item with its annotations; see `AnnotationCollection.to_json`.

    Parameters
    ----------
    item_metadata : bool, default False
        Whether everything that is known of the item is written too.
    """
    room = Room()
    written = write_all(collection, room=room)
    entries = [plain(entry, f"annotations[{index}]") for index, entry in enumerate(written)]
    _warn(room)
    whole = item_json(collection.item, entries, whole=item_metadata)
    if isinstance(whole, list):
        return {"_id": None, "filename": None, "annotations": whole}
    return {
        key: entries if key == "annotations" else plain(value, "item")
        for key, value in whole.items()
    }
