"""Pictures for the page: thumbnails, and whole images inside of it or beside it."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from dlgeom.converters.images import ImageFolder, image_info
from dlgeom.converters.lazy import fetched, is_private
from dlgeom.errors import DlgeomError, FormatError
from dlgeom.item import Item
from dlgeom.limits import Limits

__all__ = ["Picture", "Pictures"]

SIDE = 168
"""Longest side of a thumbnail in pixels."""

SHOWN = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "WEBP": "image/webp",
}
"""Formats that every browser shows, and their media types."""


VIDEOS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mov": "video/mp4"}
"""Endings of videos that browsers play, as far as they know the codec."""


class Picture(NamedTuple):
    """What the page has of an image or video: URLs, or None for what there is none of."""

    image: str | None = None
    thumbnail: str | None = None
    width: int | None = None
    height: int | None = None
    fault: str | None = None
    film: dict[str, Any] | None = None


class Pictures:
    """Finds the images of items.

    Parameters
    ----------
    root : Path, optional
        Folder of the images; without it there are no pictures.
    page : Path
        The page, from whose folder links count.
    embed : bool
        Whether the images go into the page.
    thumbnails : bool
        Whether small pictures are made; they always go into the page or its shards.
    limits : Limits
        What an image may have.
    """

    def __init__(
        self, root: Path | None, page: Path, *, embed: bool, thumbnails: bool, limits: Limits
    ) -> None:
        self._folder = None if root is None else ImageFolder(root)
        self._page = page
        self._embed = embed
        self._thumbnails = thumbnails
        self._limits = limits

    def find(self, item: Item) -> Path | None:
        """Return the file of an item, or None.

        Raises
        ------
        FormatError
            If its name is refused, or it is a link out of the folder.
        """
        if self._folder is None:
            return None
        found = self._folder.find_item(item, limits=self._limits)
        return None if found is None else fetched(found)

    def bytes_of(self, item: Item) -> int:
        """Return how large the file of an item is; 0 if there is none."""
        try:
            path = self.find(item)
            return 0 if path is None else path.stat().st_size
        except (DlgeomError, OSError):
            return 0

    def picture(self, item: Item) -> Picture:
        """Return the pictures of an item; what is wrong with its image is told in `fault`."""
        try:
            path = self.find(item)
            if path is None:
                missing = self._folder is not None and item.media in ("image", "video")
                return Picture(fault=f"the {item.media} is not there" if missing else None)
            if item.media == "video":
                return self._video(item, path)
            if item.media != "image":
                return Picture()
            info = image_info(path, limits=self._limits)
            small = self._small(path) if self._thumbnails else None
            whole: str | None = None
            if not self._embed:
                whole = self._link(path) if info.format in SHOWN else None
            elif info.format in SHOWN:
                whole = _data(SHOWN[info.format], path.read_bytes())
            else:
                whole = _data("image/png", _png(path, info.format))
            return Picture(whole, small, info.width, info.height)
        except (DlgeomError, OSError) as error:
            message = error.message if isinstance(error, FormatError) else str(error)
            return Picture(fault=message)

    def _video(self, item: Item, path: Path) -> Picture:
        """Return a video, and its first picture as a thumbnail."""
        from dlgeom.view.films import film_facts

        facts = film_facts(item, path)
        kind = VIDEOS.get(path.suffix.lower())
        fault = None if kind else f"browsers do not play {path.suffix} files"
        whole = None
        if kind is not None:
            whole = _data(kind, path.read_bytes()) if self._embed else self._link(path)
        small = self._first(path) if self._thumbnails else None
        return Picture(whole, small, facts.get("w"), facts.get("h"), fault, facts)

    def _first(self, path: Path) -> str | None:
        import warnings

        from PIL import Image

        from dlgeom.video.files import Video

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Video(path) as video:
                image = Image.fromarray(video.frame(0))
        image.thumbnail((SIDE, SIDE))
        picture = io.BytesIO()
        image.save(picture, "JPEG", quality=78)
        return _data("image/jpeg", picture.getvalue())

    def _link(self, path: Path) -> str | None:
        if is_private(path):
            return None  # of an archive: it is gone when the page is read
        relative = os.path.relpath(path.resolve(), self._page.resolve().parent)
        return quote(relative.replace(os.sep, "/"))

    def _small(self, path: Path) -> str:
        from PIL import Image, ImageOps

        with Image.open(path, formats=list(_FORMATS)) as image:
            # Lets the JPEG decoder make a smaller picture at once.
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((SIDE, SIDE))
            picture = io.BytesIO()
            _rgb(upright).save(picture, "JPEG", quality=78)
        return _data("image/jpeg", picture.getvalue())


_FORMATS = (*SHOWN, "TIFF")


def _rgb(image: Any) -> Any:
    """Return an image in RGB; transparency on a middle gray, 16 bits stretched to 8."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        low, high = image.getextrema()
        scale = 255 / ((high - low) or 1)
        eight = image.convert("F").point(lambda value: (value - low) * scale).convert("L")
        return eight.convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        whole = image.convert("RGBA")
        ground = Image.new("RGBA", whole.size, (128, 128, 128, 255))
        return Image.alpha_composite(ground, whole).convert("RGB")
    return image.convert("RGB")


def _png(path: Path, kind: str) -> bytes:
    """Return an image that browsers do not show as an upright PNG."""
    from PIL import Image, ImageOps

    with Image.open(path, formats=[kind]) as image:
        upright = ImageOps.exif_transpose(image)
        picture = io.BytesIO()
        _rgb(upright).save(picture, "PNG")
    return picture.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
