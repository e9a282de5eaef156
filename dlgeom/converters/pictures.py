"""Pictures as files: images read upright, masks and annotated images written.

Images are opened by the formats asked for by name and within the limits; what is written takes
its format from the name of the file.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.images import image_info
from dlgeom.converters.lazy import fetched
from dlgeom.errors import FormatError, UsageError

__all__ = ["ORIENTATIONS", "encode_picture", "read_upright", "stored", "upright"]

ORIENTATIONS = range(9)
"""Values of EXIF's orientation; 0 is not known."""

_READ = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000")
_WRITTEN = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
LOSSLESS = ("PNG", "TIFF", "BMP")
_TAG = 0x0112


def upright(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a stored picture, shape (H, W, ...), as it is displayed (EXIF 2.32, tag 274)."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)


def stored(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a displayed picture as it is stored: the way back of `upright`."""
    return upright(array, {6: 8, 8: 6}.get(orientation, orientation))


def read_upright(path: str | os.PathLike[str], orientation: int = 0) -> NDArray[Any]:
    """Read an image as it is displayed.

    Parameters
    ----------
    path : path
        The image.
    orientation : int, default 0
        1 to 8 instead of what its EXIF header says.

    Returns
    -------
    ndarray
        Gray (H, W), RGB (H, W, 3) or RGBA (H, W, 4); uint8, or uint16 for gray of 16 bits.

    Raises
    ------
    FormatError
        ``image.unreadable``, ``image.size``, ``file.empty``, ``file.not_regular``.
    LimitError
        ``limit.pixels``, before any pixel is decoded.
    OutputError
        Where the system refuses to read the file.
    """
    from PIL import Image

    path = fetched(path if isinstance(path, str) else Path(path))
    info = image_info(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_READ) as image:
                image.load()
                if image.mode in ("I;16", "I;16B", "I;16L"):
                    array = np.asarray(image).astype(np.uint16)
                elif image.mode in ("L", "RGB", "RGBA", "LA"):
                    array = np.asarray(image)
                elif image.mode == "I":
                    # Sixteen bits, as older versions of Pillow open them.
                    array = np.clip(np.asarray(image), 0, 65_535).astype(np.uint16)
                else:
                    clear = "transparency" in image.info or image.mode in ("PA", "RGBa")
                    array = np.asarray(image.convert("RGBA" if clear else "RGB"))
                # Newer versions of Pillow turn TIFF files when they load them, and drop the tag.
                turned = info.format == "TIFF" and image.getexif().get(_TAG, 1) == 1
    except Exception as error:  # Pillow raises many kinds for broken files
        raise FormatError(
            f"cannot be decoded ({type(error).__name__}: {error}). Save the image again",
            code="image.unreadable",
            path=str(path),
        ) from error
    own = info.orientation
    if turned:
        array = stored(array, own)
    return upright(array, orientation or own)


def encode_picture(array: NDArray[Any], path: Path, *, exact: bool, orientation: int = 1) -> bytes:
    """Return the bytes of a picture file.

    Parameters
    ----------
    array : ndarray
        Ids of shape (H, W), uint8, uint16 or int32; or colours of shape (H, W, 3 or 4).
    path : Path
        Its suffix tells the format.
    exact : bool
        Whether each value has to come out again, as ids and masks have to.
    orientation : int, default 1
        Value for the EXIF header, where the format has one.

    Raises
    ------
    UsageError
        If the suffix is of no format that can be written, or one that would change ids.
    """
    from PIL import Image

    suffix = path.suffix.lower()
    kind = _WRITTEN.get(suffix)
    if kind is None or (exact and kind not in LOSSLESS):
        known = [name for name, one in _WRITTEN.items() if not exact or one in LOSSLESS]
        raise UsageError(
            f"filepath ends in {suffix!r}; such a picture is written as {', '.join(known)}. "
            "Use one of these, best .png"
        )
    if array.dtype == np.int32:
        if kind != "TIFF":
            raise UsageError(
                "ids above 65535 do not fit into a picture of one channel such as "
                f"{suffix!r}; .tif holds 32 bits. Use it, or lower ids"
            )
        image = Image.fromarray(array)
    elif array.dtype == np.uint16 and kind == "BMP":
        raise UsageError("ids above 255 do not fit into '.bmp'. Use .png")
    else:
        if kind in ("JPEG", "BMP") and array.ndim == 3:
            array = array[..., :3]
        image = Image.fromarray(np.ascontiguousarray(array))
    stream = io.BytesIO()
    options: dict[str, Any] = {}
    if orientation not in (0, 1) and kind != "BMP":
        exif = Image.Exif()
        exif[_TAG] = orientation
        options["exif"] = exif
    if kind == "JPEG":
        options.update(quality=95, subsampling=0)
    elif kind == "WEBP":
        options.update(lossless=True)
    image.save(stream, format=kind, **options)
    return stream.getvalue()
