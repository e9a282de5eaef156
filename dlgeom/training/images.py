"""The images of a data set: found below their folder, read upright as RGB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.images import ImageFolder, image_info
from dlgeom.converters.lazy import fetched
from dlgeom.converters.names import safe_name
from dlgeom.errors import FormatError, LimitError, OutputError
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["ImageFiles", "read_image"]

_ORIENTATION = 0x0112
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM", "JPEG2000")


def read_image(
    path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS
) -> NDArray[np.uint8]:
    """Read an image as it is displayed.

    Parameters
    ----------
    path : path
        JPEG, PNG, BMP, WebP, TIFF, GIF (its first picture), PPM or JPEG 2000.
    limits : Limits
        `pixels` bounds width x height, and is checked before any pixel is decoded.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Red, green, blue, turned upright by the EXIF orientation. Gray becomes three equal
        channels, 16 bits are scaled to 8, and transparency is left out.

    Raises
    ------
    FormatError
        ``image.unreadable`` if it is no image or is cut short; ``image.mode`` if its values are
        no 8 or 16 bit numbers.
    LimitError
        ``limit.pixels``.
    OutputError
        Where the system refuses to read the file.
    """
    shown = fetched(os.fspath(path))
    if os.path.isdir(shown):
        raise FormatError("is a folder, no image", code="file.not_regular", path=shown)
    info = image_info(Path(shown), limits=limits, shown=shown)
    from PIL import Image

    try:
        with open(shown, "rb") as stream, Image.open(stream, formats=_FORMATS) as picture:
            picture.load()
            turn = info.orientation
            if picture.format == "TIFF":
                # Newer versions of Pillow turn these when they load them, and say so here.
                turn = picture.getexif().get(_ORIENTATION, 1)
            pixels = _rgb(picture, shown)
    except FormatError:
        raise
    except Exception as error:  # Pillow raises many kinds for broken files
        raise FormatError(
            f"cannot be decoded ({type(error).__name__}: {error}); the header is fine, the pixels "
            "are not. Is the file complete?",
            code="image.unreadable",
            path=shown,
        ) from error
    # A copy: what Pillow gives is read-only, and transforms may write.
    return np.array(_upright(pixels, turn), order="C")


def _rgb(picture: Any, shown: str) -> NDArray[np.uint8]:
    if picture.mode.startswith("I"):
        # 16 bits, which Pillow would clip to 255.
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise FormatError(
                f"has values from {values.min()} to {values.max()}; images have 8 or 16 bits",
                code="image.mode",
                path=shown,
            )
        gray = ((values + 128) // 257).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)
    if picture.mode == "F":
        raise FormatError(
            "has floats as values; images have 8 or 16 bits. Convert it first",
            code="image.mode",
            path=shown,
        )
    return np.asarray(picture.convert("RGB"))


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn stored pixels as EXIF says: 5..8 exchange rows and columns first."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    mirrored = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}.get(orientation, ())
    return np.flip(pixels, mirrored) if mirrored else pixels


class ImageFiles:
    """Finds and reads the images of items.

    Parameters
    ----------
    root : Path, optional
        The folder below which they lie; None where nobody knows it.
    limits : Limits
        As for `read_image`.
    """

    def __init__(self, root: Path | None, limits: Limits = DEFAULT_LIMITS) -> None:
        self.root = root
        self.limits = limits
        self._folder = None if root is None else ImageFolder(root)

    def __getstate__(self) -> dict[str, Any]:
        # The list of names below the folder is made anew where it is needed.
        return {"root": self.root, "limits": self.limits}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def find(self, item: Item) -> Path | None:
        """Return the file of an item's image, None if there is none.

        Raises
        ------
        FormatError
            If its name, or a link, leads out of the folder.
        """
        if self._folder is None:
            return None
        found = self._folder.find_item(item, limits=self.limits)
        return None if found is None else fetched(found)

    def direct(self, item: Item) -> Path | None:
        """Return the file of an item's image where its name leads, without a search for it."""
        if self.root is None or not item.name:
            return None
        try:
            name = item.file or safe_name(item.name, limits=self.limits)[0]
        except FormatError:
            return None
        path = self.root / name
        return path if path.is_file() else None

    def needed(self, item: Item) -> Path:
        """Return the file of an item's image.

        Raises
        ------
        FormatError
            ``image.unreadable`` if there is none; as `find`.
        """
        found = self.find(item)
        if found is None:
            where = "nobody said where the images are" if self.root is None else "it is not there"
            raise FormatError(
                f"is the image of item {item.id if item.id is not None else item.name!r}, and "
                f"{where}. Name the folder with images=, or pass with_images=False",
                code="image.unreadable",
                path=item.name if self.root is None else str(self.root / (item.name or "")),
            )
        return found

    def read(self, item: Item, path: Path) -> NDArray[np.uint8]:
        """Read the image of an item; it has the size that the item says.

        Raises
        ------
        FormatError
            ``image.size_disagrees``; as `read_image`.
        """
        image = read_image(path, limits=self.limits)
        self._same_size(item, (image.shape[1], image.shape[0]), path)
        return image

    def check(self, item: Item) -> FormatError | OutputError | None:
        """Return what is wrong with an image as far as its name and header tell."""
        try:
            path = self.needed(item)
            info = image_info(path, limits=self.limits)
            self._same_size(item, (info.width, info.height), path)
        except (FormatError, LimitError, OutputError) as error:
            return error
        return None

    def _same_size(self, item: Item, size: tuple[int, int], path: Path) -> None:
        said = (item.width or size[0], item.height or size[1])
        if said != size:
            raise FormatError(
                f"is {size[0]} x {size[1]} pixels upright, its annotations are for {said[0]} x "
                f"{said[1]}; they would not lie on it. Use the image that was annotated",
                code="image.size_disagrees",
                path=str(path),
            )
