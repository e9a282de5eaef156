"""Pictures as arrays: any kind of image to 8-bit colours, and colours over each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import UsageError
from dlgeom.render.regions import Region

__all__ = ["as_array", "blend", "over", "rgb_and_alpha", "to_rgba"]

Pixels = NDArray[np.uint8]


def as_array(image: Any) -> NDArray[Any]:
    """Return an image, an array or one of Pillow, as an array of 1, 2, 3 or 4 channels.

    Raises
    ------
    UsageError
        If it has another shape, no pixels, or holds no numbers.
    """
    if hasattr(image, "mode") and hasattr(image, "convert") and image.mode in ("P", "CMYK", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    array = np.asarray(image)
    good = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 2, 3, 4))
    if not good or array.size == 0 or array.dtype.kind not in "biuf":
        raise UsageError(
            f"image has shape {array.shape} and dtype {array.dtype}; it is gray (H, W), or "
            "colours (H, W, 3), red first, or (H, W, 4) with transparency. Convert it first"
        )
    return array


def _bytes(array: NDArray[Any]) -> Pixels:
    """Return brightness as 0..255: of 16 bits the upper 8, of floats those from 0 to 1."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        # 65,535 is 255 and 0 is 0, as 257 = 65,535 / 255; rounded.
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise UsageError(
                "image has floats outside of 0 to 1, or NaN; brightness of floats is 0 to 1. "
                "Scale it, or give uint8"
            )
        return np.asarray(np.rint(array * 255.0).astype(np.uint8))
    if array.min() < 0 or array.max() > 255:
        raise UsageError(
            f"image has {array.dtype} from {array.min()} to {array.max()}; brightness is uint8, "
            "uint16, floats from 0 to 1, or integers from 0 to 255. Scale it"
        )
    return array.astype(np.uint8)


def rgb_and_alpha(image: Any) -> tuple[Pixels, Pixels | None]:
    """Return an image as new RGB of shape (H, W, 3), and its alpha where it has any.

    Parameters
    ----------
    image : array_like or PIL.Image.Image
        Gray, gray with alpha, RGB or RGBA; uint8, uint16 (of which the upper 8 bits count),
        bool, floats from 0 to 1, or integers from 0 to 255. It stays as it is.
    """
    import cv2

    array = _bytes(as_array(image))
    if array.ndim == 2:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(array), cv2.COLOR_GRAY2RGB)), None
    channels = array.shape[2]
    alpha = np.array(array[..., -1]) if channels in (2, 4) else None
    if channels < 3:
        return np.repeat(array[..., :1], 3, axis=2), alpha
    return np.array(array[..., :3], order="C"), alpha


def to_rgba(image: Any) -> Pixels:
    """Return an image as new RGBA of shape (H, W, 4); see `rgb_and_alpha`."""
    rgb, alpha = rgb_and_alpha(image)
    result = np.empty((*rgb.shape[:2], 4), dtype=np.uint8)
    result[..., :3] = rgb
    result[..., 3] = 255 if alpha is None else alpha
    return result


def blend(canvas: Pixels, region: Region, color: tuple[int, int, int, int]) -> None:
    """Put a colour over the pixels of a region of an RGBA canvas, in place.

    Parameters
    ----------
    canvas : ndarray of uint8, shape (H, W, 4)
        Not premultiplied.
    region : Region
        Which pixels.
    color : tuple of int
        Red, green, blue, alpha, 0..255.
    """
    view = region.of(canvas)
    if not view.size:
        return
    if color[3] == 255:
        view[region.crop] = color
    elif color[3] and int(view[..., 3].min()) == 255:
        import cv2

        # On what is opaque each channel has 256 results.
        share = color[3] / 255
        ink = np.array([*color[:3], 255])
        table = np.rint(share * ink + (1 - share) * np.arange(256)[:, None]).astype(np.uint8)
        mixed = cv2.LUT(np.ascontiguousarray(view), np.ascontiguousarray(table[:, None, :]))
        mask = np.ascontiguousarray(region.crop).view(np.uint8)
        view[:] = cv2.copyTo(mixed, mask, np.ascontiguousarray(view))
    elif color[3]:
        below = view[region.crop]
        upper = np.array(color, dtype=np.uint8)
        view[region.crop] = over(np.broadcast_to(upper, below.shape), below)


def over(upper: Pixels, lower: Pixels) -> Pixels:
    """Return one RGBA picture over another, shape (..., 4), not premultiplied.

    Porter and Duff's operator: alpha ``a + b (1 - a)``, colour ``(a A + b (1 - a) B) / alpha``.
    What is wholly transparent keeps the colour that is below.
    """
    a = upper[..., 3:].astype(np.float32) / 255
    b = lower[..., 3:].astype(np.float32) / 255
    rest = b * (1 - a)
    alpha = a + rest
    colors = a * upper[..., :3] + rest * lower[..., :3]
    result = np.array(lower)
    safe = np.where(alpha > 0, alpha, 1)
    result[..., :3] = np.where(alpha > 0, np.rint(colors / safe), lower[..., :3])
    result[..., 3:] = np.rint(alpha * 255)
    return result
