"""Annotations of one item as a file: what `AnnotationCollection.download` writes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlgeom.annotation import AnnotationCollection
from dlgeom.converters.output import Output
from dlgeom.errors import UsageError

__all__ = ["download", "write_file"]

SUFFIXES = {"json": ".json", "vtt": ".vtt"}
PICTURES = ("mask", "instance", "object_id", "img_mask")


def download(
    collection: AnnotationCollection,
    filepath: str | os.PathLike[str],
    annotation_format: str | Sequence[str] = "json",
    **options: Any,
) -> str:
    """Write a collection in one format; see `AnnotationCollection.download`."""
    names = [annotation_format] if isinstance(annotation_format, str) else list(annotation_format)
    if len(names) != 1:
        raise UsageError(
            f"annotation_format is {annotation_format!r}; one file has one format. Call it again "
            "for each"
        )
    name = str(getattr(names[0], "value", names[0])).lower()
    if name not in SUFFIXES and name not in PICTURES:
        raise UsageError(
            f"annotation_format is {name!r}; annotations are written as "
            f"{', '.join((*SUFFIXES, *PICTURES))}. Use one of these"
        )
    path = Path(filepath)
    if name in PICTURES:
        return _picture(collection, path, name, **options)
    if not path.suffix:
        path = path.with_name(path.name + SUFFIXES[name])
    if name == "vtt":
        from dlgeom.converters.vtt.api import write_vtt_file

        write_vtt_file(collection, path)
        return str(path)
    from dlgeom.converters.dataloop.api import collection_to_json

    whole = collection_to_json(collection, item_metadata=True)
    try:
        data = json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=2).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair is valid JSON as an escape only.
        data = json.dumps(whole, allow_nan=False, indent=2).encode()
    write_file(path, data)
    return str(path)


def _picture(
    collection: AnnotationCollection,
    path: Path,
    name: str,
    img_filepath: str | os.PathLike[str] | None = None,
    height: int | None = None,
    width: int | None = None,
    thickness: int | None = 1,
    with_text: bool = False,
    orientation: int = 0,
    alpha: float = 1,
) -> str:
    """Draw and write a picture."""
    from dlgeom.converters.pictures import ORIENTATIONS, encode_picture, read_upright, stored

    if isinstance(orientation, bool) or orientation not in ORIENTATIONS:
        raise UsageError(f"orientation is {orientation!r}; it is that of EXIF, 1 to 8, or 0")
    on_image = name == "img_mask"
    item = collection.item
    if img_filepath is not None and item is not None and item.media == "video":
        return _video(collection, path, name, img_filepath, thickness, with_text, alpha)
    image = None
    if on_image:
        if img_filepath is None:
            raise UsageError("annotation_format 'img_mask' draws on an image; give img_filepath=")
        image = read_upright(img_filepath, orientation)
    elif img_filepath is not None and (height is None or width is None):
        from dlgeom.converters.images import image_info

        info = image_info(Path(img_filepath))
        size = info.width, info.height
        if orientation and (orientation > 4) != (info.orientation > 4):
            size = size[1], size[0]
        width, height = size
    if not path.suffix:
        path = path.with_name(path.name + ".png")
    drawn = collection.show(
        image=image,
        thickness=thickness,
        with_text=with_text,
        height=height,
        width=width,
        annotation_format=name,
        alpha=alpha,
    )
    if on_image and image is not None and (image.ndim < 3 or image.shape[2] not in (2, 4)):
        drawn = drawn[..., :3]
    if orientation > 1:
        drawn = stored(drawn, orientation)
    told = orientation if on_image else 1
    exact = name != "img_mask"
    write_file(path, encode_picture(drawn, path, exact=exact, orientation=told))
    return str(path)


def _video(
    collection: AnnotationCollection,
    path: Path,
    name: str,
    source: str | os.PathLike[str],
    thickness: int | None,
    with_text: bool,
    alpha: float,
) -> str:
    """Write the video with its annotations; ids as a lossless one."""
    from dlgeom.render.videos import render_video

    exact = name in ("instance", "object_id")
    if not path.suffix:
        path = path.with_name(path.name + (".mkv" if exact else ".mp4"))

    def draw(alive: AnnotationCollection, picture: Any) -> Any:
        return alive.show(
            image=picture if name == "img_mask" else None,
            thickness=thickness,
            with_text=with_text,
            height=picture.shape[0],
            width=picture.shape[1],
            annotation_format=name,
            alpha=alpha,
        )

    kind = "object-id" if exact else "overlay"
    return str(render_video(source, collection, path, kind=kind, draw=draw, overwrite=True))


def write_file(path: Path, data: bytes) -> None:
    """Write one file under a temporary name and rename it; one that is there is replaced."""
    with Output(path, single=True, overwrite=True) as output, output.file(path.name) as file:
        file.write(data)
