"""Facts from image headers: size as displayed, EXIF orientation; and finding image files.

Annotations live in the upright image (formats page, section 2.1), so sizes are turned by the
EXIF orientation. Only the header is read, only in formats asked for by name (Pillow would open
EPS by its content and start another program), and the number of pixels is checked before any
pixel is decoded.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from dlgeom.converters.inputs import check_inside, check_regular, unreadable
from dlgeom.converters.lazy import peeked
from dlgeom.converters.names import safe_name
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageFolder",
    "ImageInfo",
    "check_size",
    "image_info",
    "is_image_name",
    "item_from_file",
    "plain_image_stems",
    "tell_links",
]

IMAGE_SUFFIXES = frozenset(
    [
        ".bmp",
        ".dng",
        ".gif",
        ".heic",
        ".jp2",
        ".jpeg",
        ".jpg",
        ".mpo",
        ".pfm",
        ".png",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    ]
)
_PLAIN_IMAGE = re.compile(
    r"^(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])\.)([a-z0-9_][a-z0-9_-]{0,89})(?:"
    + "|".join(map(re.escape, sorted(IMAGE_SUFFIXES)))
    + ")$",
    re.ASCII | re.IGNORECASE | re.MULTILINE,
)
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM", "JPEG2000")
_WIDTH, _HEIGHT, _ORIENTATION = 0x0100, 0x0101, 0x0112
_TURNED = frozenset({5, 6, 7, 8})


class ImageInfo(msgspec.Struct, frozen=True):
    """What the header of an image says: upright size in pixels, EXIF orientation, format."""

    width: int
    height: int
    orientation: int = 1
    format: str = ""


def is_image_name(name: str) -> bool:
    """Whether a file name has the ending of an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def plain_image_stems(names: Sequence[str]) -> list[str] | None:
    """Return the names of images without endings, where all are safe everywhere; else None.

    One look tells it for most large data sets. See `names.is_plain_name`; not as long as a
    name may be, so that no limit is met.

    Examples
    --------
    >>> plain_image_stems(["000000000139.jpg", "a-b.PNG"])
    ['000000000139', 'a-b']
    >>> plain_image_stems(["a/b.jpg"]) is None, plain_image_stems(["aux.jpg"]) is None
    (True, True)
    """
    lines = "\n".join(names)
    if lines.count("\n") >= max(len(names), 1):
        return None  # one of the names has a line feed
    stems: list[str] = _PLAIN_IMAGE.findall(lines)
    return stems if len(stems) == len(names) else None


def check_size(
    width: int, height: int, *, limits: Limits = DEFAULT_LIMITS, shown: str | None = None
) -> None:
    """Refuse an image without pixels, or with more of them than the limit.

    Raises
    ------
    FormatError
        ``image.size``.
    LimitError
        ``limit.pixels``.
    """
    if width <= 0 or height <= 0:
        raise FormatError(
            f"size is {width} x {height}; an image has at least one pixel. Correct the size",
            code="image.size",
            path=shown,
        )
    limits.check(
        "pixels",
        width * height,
        code="limit.pixels",
        what=f"number of pixels of a {width} x {height} image",
        path=shown,
    )


def _orientation(image: Any) -> int:
    # A PNG keeps EXIF in a chunk that may follow the pixels; asking Pillow would decode them.
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def read_header(
    stream: IO[bytes], *, limits: Limits = DEFAULT_LIMITS, shown: str | None = None
) -> ImageInfo:
    """Read the header of an image from an open file; see `image_info`."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(stream, formats=_FORMATS) as image:
                width, height = image.size
                orientation = _orientation(image)
                kind = image.format or ""
                if kind == "TIFF":
                    # Newer versions of Pillow have turned the size of these already.
                    tags: Any = image.getexif()
                    width, height = tags.get(_WIDTH, width), tags.get(_HEIGHT, height)
    except Image.DecompressionBombError as error:
        raise FormatError(str(error), code="limit.pixels", path=shown) from error
    except Exception as error:  # Pillow raises many kinds for broken files
        raise FormatError(
            f"cannot be read as an image ({type(error).__name__}); "
            "expected JPEG, PNG, BMP, TIFF, WebP, GIF, PPM or JPEG 2000. Is it complete?",
            code="image.unreadable",
            path=shown,
        ) from error
    if orientation in _TURNED:
        width, height = height, width
    check_size(width, height, limits=limits, shown=shown)
    return ImageInfo(width, height, orientation, kind)


def image_info(
    path: Path | str, *, limits: Limits = DEFAULT_LIMITS, shown: str | None = None
) -> ImageInfo:
    """Read the size of an image from its header, as displayed.

    Parameters
    ----------
    path : Path or str
        The image.
    limits : Limits
        `pixels` bounds width x height.
    shown : str, optional
        Path for messages.

    Raises
    ------
    FormatError
        ``image.unreadable``, ``image.size``, ``file.empty``, ``file.not_regular``.
    LimitError
        ``limit.pixels``.
    OutputError
        Where the system refuses to read the file.
    """
    shown = str(path) if shown is None else shown
    if (stream := peeked(path)) is not None:
        with stream:
            return read_header(stream, limits=limits, shown=shown)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise unreadable(error, shown) from error
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        check_regular(status, shown)
        if not status.st_size:
            raise FormatError(
                "has 0 bytes; there is no image. Was it copied completely?",
                code="file.empty",
                path=shown,
            )
        return read_header(stream, limits=limits, shown=shown)


def tell_links(folder: Path, problems: Problems, *, depth: int = 16) -> None:
    """Warn of images that are links out of a folder: they are never read.

    One listing a folder; nothing is opened.
    """
    waiting = [(folder, depth)]
    while waiting:
        place, left = waiting.pop()
        try:
            with os.scandir(place) as entries:
                links = []
                for entry in entries:
                    if entry.is_symlink():
                        links.append(entry.path)
                    elif left and entry.is_dir(follow_symlinks=False):
                        waiting.append((Path(entry.path), left - 1))
        except OSError:
            continue
        for link in sorted(links):
            shown = os.path.relpath(link, folder.parent)
            try:
                check_inside(Path(link), folder, shown)
            except FormatError as error:
                problems.warning(error.code, error.message, path=shown)


class ImageFolder:
    """Finds the image files of a data set below one folder.

    An image is looked for by its relative name, then with other image endings, then by its base
    name where that is unique below the folder: data sets are moved, and lists keep old folders.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._by_base: dict[str, str | None] | None = None

    def find(self, name: str) -> Path | None:
        """Return the file of an item, or None.

        Raises
        ------
        FormatError
            ``path.symlink`` if it is a link out of the folder.
        """
        direct = self.root / name
        if self._is_file(direct):
            return direct
        if os.path.splitext(name)[1].lower() not in IMAGE_SUFFIXES:
            for suffix in (".jpg", ".png", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"):
                other = self.root / f"{name}{suffix}"
                if self._is_file(other):
                    return other
        found = self._index().get(os.path.basename(name))
        return None if found is None else self.root / found

    def find_item(self, item: Item, *, limits: Limits = DEFAULT_LIMITS) -> Path | None:
        """Return the file of an item, or None: by its `file`, in its split's folder, by its name.

        Raises
        ------
        FormatError
            If its name is refused, or it is a link out of the folder.
        """
        if not item.name:
            return None
        if item.file is not None and (self.root / item.file).is_file():
            return self.find(item.file)
        name = safe_name(item.name, limits=limits)[0]
        # Splits may have images of the same name, each in its own folder.
        if item.subset:
            split = safe_name(item.subset, limits=limits)[0]
            if (self.root / split / name).is_file():
                return self.find(f"{split}/{name}")
        return self.find(name)

    def _is_file(self, path: Path) -> bool:
        try:
            status = os.lstat(path)
        except (OSError, ValueError):
            return False
        if stat.S_ISLNK(status.st_mode):
            check_inside(path, self.root, str(path))
            return path.is_file()
        return stat.S_ISREG(status.st_mode)

    def _index(self) -> dict[str, str | None]:
        """Return base name -> relative path; None for a base name that occurs twice."""
        if self._by_base is None:
            index: dict[str, str | None] = {}
            for folder, folders, files in os.walk(self.root):
                folders.sort()
                for name in files:
                    if is_image_name(name) and not os.path.islink(os.path.join(folder, name)):
                        path = os.path.relpath(os.path.join(folder, name), self.root)
                        index[name] = None if name in index else path
            self._by_base = index
        return self._by_base


def item_from_file(path: str | Path) -> Item:
    """Build an `Item` from the header of an image file."""
    info = image_info(path)
    return Item(
        name=os.path.basename(path),
        width=info.width,
        height=info.height,
        exif_orientation=info.orientation,
    )
