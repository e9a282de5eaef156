"""Pictures under affine maps, on the pixel grid of the annotations.

OpenCV counts from the middle of the first pixel, so its maps are shifted by half a pixel here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import UsageError
from dlgeom.geometry import affine as maps
from dlgeom.geometry.rle_affine import places

if TYPE_CHECKING:
    from dlgeom.transforms.affine import Affine

__all__ = ["transform_image"]

Image = NDArray[Any]
Floats = NDArray[np.float64]

INTERPOLATIONS = ("nearest", "linear", "cubic", "area", "lanczos")
SMOOTH = {np.dtype(kind) for kind in ("uint8", "uint16", "int16", "float32", "float64")}
"""What OpenCV interpolates as it is; float16 goes through float32."""
SIDE = 2048
"""Pixels of a block's side: OpenCV's warps end at 32,767, and memory is that of a block."""
WHOLE = 1e-9
REACH = {"linear": 2, "cubic": 3, "lanczos": 5}
"""Pixels around a point that an interpolation reads, and one to be safe."""


def transform_image(
    transform: Affine, image: Image, *, interpolation: str | None = None, border: ArrayLike = 0
) -> Image:
    """Return the picture where the map takes it; `Affine.image` has parameters and errors."""
    pixels, fill = _checked(image, border)
    height, width = pixels.shape[:2]
    if transform.source is not None and transform.source != (width, height):
        raise UsageError(
            f"the map is for an image of {transform.source}, this one is {(width, height)} "
            "(width, height); they have to be equal. Build the map with size= of the image"
        )
    wide, high = transform.size or (width, height)
    result = np.empty((high, wide, pixels.shape[2]), dtype=pixels.dtype)
    result[...] = fill
    how = _interpolation(interpolation, pixels.dtype)
    backwards = maps.inverse(transform.matrix)
    if not _turned(transform.matrix, pixels, result) and not _scaled(
        transform.matrix, pixels, result, how
    ):
        if how == "nearest":
            _nearest(transform.matrix, backwards, pixels, result)
        else:
            if how == "area":
                pixels, backwards = _shrunk(transform.matrix, pixels)
                how = "linear"
            _warped(backwards, pixels, result, how)
    return result if image.ndim == 3 else result[..., 0]


def _checked(image: Any, border: ArrayLike) -> tuple[Image, Image]:
    """Return the picture as (H, W, C) and the value of its border as (C,)."""
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3) or image.size == 0:
        shape = getattr(image, "shape", type(image).__name__)
        raise UsageError(
            f"the image is {shape}; it is an array of shape (H, W) or (H, W, C). "
            "Use numpy.asarray(picture)"
        )
    if image.dtype.kind not in "biuf":
        raise UsageError(f"the image has dtype {image.dtype}; it holds bools or numbers")
    # Files may have their bytes the other way round; OpenCV takes none of these.
    image = image.astype(image.dtype.newbyteorder("="), copy=False)
    pixels = image if image.ndim == 3 else image[..., None]
    value = np.asarray(border)
    if value.ndim > 1 or (value.ndim == 1 and len(value) not in (1, pixels.shape[2])):
        raise UsageError(
            f"border has shape {value.shape}; it is one number or one for each of "
            f"{pixels.shape[2]} channels"
        )
    fill = np.broadcast_to(value, (pixels.shape[2],))
    kind = image.dtype
    if kind.kind in "iu":
        info = np.iinfo(kind)
        if value.dtype.kind not in "biuf" or (fill < info.min).any() or (fill > info.max).any():
            raise UsageError(f"border is {border!r}; {kind} holds {info.min} to {info.max}")
    return pixels, fill.astype(kind)


def _interpolation(wanted: str | None, dtype: np.dtype[Any]) -> str:
    smooth = dtype in SMOOTH or dtype == np.float16
    if wanted is None:
        return "linear" if smooth else "nearest"
    if wanted not in INTERPOLATIONS:
        raise UsageError(
            f"interpolation is {wanted!r}; it is one of {', '.join(map(repr, INTERPOLATIONS))}"
        )
    if wanted != "nearest" and not smooth:
        raise UsageError(
            f"interpolation {wanted!r} does not fit {dtype}; values between are made of "
            "8 and 16 bit integers and of floats. Use 'nearest', or convert the image"
        )
    return wanted


def _turned(matrix: Floats, pixels: Image, result: Image) -> bool:
    """Move pixels unchanged where the map is made of whole pixels; tell whether it is."""
    (a, b, tx), (c, d, ty) = matrix[:2].tolist()
    if not maps.keeps_axes(matrix) or {abs(a) + abs(b), abs(c) + abs(d)} != {1.0}:
        return False
    if not (tx.is_integer() and ty.is_integer()):
        return False
    if a == 0:
        pixels, a, d = pixels.swapaxes(0, 1), b, c
    height, width = pixels.shape[:2]
    if a < 0:
        pixels, tx = pixels[:, ::-1], tx - width
    if d < 0:
        pixels, ty = pixels[::-1], ty - height
    _paste(pixels, result, int(tx), int(ty))
    return True


def _paste(pixels: Image, result: Image, left: int, top: int) -> None:
    """Put a picture with its left-top pixel at a place that may lie outside."""
    high, wide = result.shape[:2]
    height, width = pixels.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, wide), min(top + height, high)
    if x0 < x1 and y0 < y1:
        result[y0:y1, x0:x1] = pixels[y0 - top : y1 - top, x0 - left : x1 - left]


def _scaled(matrix: Floats, pixels: Image, result: Image, how: str) -> bool:
    """Resize where the picture fills whole pixels; tell whether it does.

    A resize reads no border, so that the edges of a letterbox stay sharp.
    """
    if how == "nearest" or not maps.keeps_axes(matrix):
        return False
    (a, b, tx), (c, d, ty) = matrix[:2].tolist()
    if a == 0:
        pixels, a, d = pixels.swapaxes(0, 1), b, c
    height, width = pixels.shape[:2]
    if a < 0:
        pixels, tx = pixels[:, ::-1], tx + a * width
    if d < 0:
        pixels, ty = pixels[::-1], ty + d * height
    edges = (tx, ty, abs(a) * width, abs(d) * height)
    left, top, wide, high = (round(edge) for edge in edges)
    if any(abs(edge - round(edge)) > WHOLE for edge in edges) or wide < 1 or high < 1:
        return False
    # A window of a huge enlargement would be made whole first.
    if wide * high > 4 * max(result.shape[0] * result.shape[1], height * width):
        return False
    import cv2

    flag = {
        "linear": cv2.INTER_LINEAR,
        "cubic": cv2.INTER_CUBIC,
        "area": cv2.INTER_AREA,
        "lanczos": cv2.INTER_LANCZOS4,
    }[how]
    for channels, there in _planes(pixels):
        made = cv2.resize(channels, (wide, high), interpolation=flag)
        _paste(_as(made, pixels.dtype), result[..., there], left, top)
    return True


def _planes(pixels: Image) -> Any:
    """Yield up to four channels at a time, as OpenCV takes them, and which they are."""
    for first in range(0, pixels.shape[2], 4):
        there = slice(first, first + 4)
        part = pixels[..., there]
        if part.dtype == np.float16:
            part = part.astype(np.float32)
        yield np.ascontiguousarray(part), there


def _as(made: Image, dtype: np.dtype[Any]) -> Image:
    """Return what OpenCV made as (H, W, C) of a dtype."""
    return (made if made.ndim == 3 else made[..., None]).astype(dtype, copy=False)


def _blocks(shape: tuple[int, ...], side: int) -> Any:
    for top in range(0, shape[0], side):
        for left in range(0, shape[1], side):
            yield left, top, min(left + side, shape[1]), min(top + side, shape[0])


def _nearest(matrix: Floats, backwards: Floats, pixels: Image, result: Image) -> None:
    """Take the pixel at the middle of each new one: the rule of masks."""
    if maps.keeps_axes(matrix):
        _picked(matrix, pixels, result)
        return
    height, width = pixels.shape[:2]
    (a, b, tx), (c, d, ty) = backwards[:2].tolist()
    for left, top, right, bottom in _blocks(result.shape, 1024):
        x = np.arange(left, right) + 0.5
        y = (np.arange(top, bottom) + 0.5)[:, None]
        u, v = a * x + b * y + tx, c * x + d * y + ty
        inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
        block = result[top:bottom, left:right]
        block[inside] = pixels[v[inside].astype(np.intp), u[inside].astype(np.intp)]


def _picked(matrix: Floats, pixels: Image, result: Image) -> None:
    """Take whole rows and columns, as masks do."""
    (a, b, tx), (c, d, ty) = matrix[:2].tolist()
    if a == 0:
        pixels, a, d = pixels.swapaxes(0, 1), b, c
    columns = places(pixels.shape[1], a, tx, result.shape[1])
    rows = places(pixels.shape[0], d, ty, result.shape[0])
    wide = np.flatnonzero((columns >= 0) & (columns < pixels.shape[1]))
    high = np.flatnonzero((rows >= 0) & (rows < pixels.shape[0]))
    if len(wide) and len(high):
        # Columns and rows ascend or descend, so that those inside are neighbours.
        chosen = pixels[rows[high]][:, columns[wide]]
        result[high[0] : high[-1] + 1, wide[0] : wide[-1] + 1] = chosen


def _shrunk(matrix: Floats, pixels: Image) -> tuple[Image, Floats]:
    """Average pixels as far as the map makes the picture smaller; return the map back from there.

    What is left of the map hardly scales, so that few pixels go unseen.
    """
    import cv2

    height, width = pixels.shape[:2]
    across, down = (min(float(v), 1.0) for v in np.hypot(*matrix[:2, :2]))
    wide, high = max(1, round(width * across)), max(1, round(height * down))
    planes = [
        _as(cv2.resize(part, (wide, high), interpolation=cv2.INTER_AREA), pixels.dtype)
        for part, _ in _planes(pixels)
    ]
    back = maps.product(matrix, maps.scaling(width / wide, height / high))
    return np.concatenate(planes, axis=2), maps.inverse(back)


def _warped(backwards: Floats, pixels: Image, result: Image, how: str) -> None:
    """Let OpenCV interpolate, block by block, where the middle of a pixel lies in the picture.

    Beyond its edges the picture goes on with their colour, so that no border shines through.
    """
    import cv2

    flag = {
        "linear": cv2.INTER_LINEAR,
        "cubic": cv2.INTER_CUBIC,
        "lanczos": cv2.INTER_LANCZOS4,
    }[how]
    height, width = pixels.shape[:2]
    linear = backwards[:2, :2]
    # From the middles of new pixels to those of old ones.
    shift = linear @ [0.5, 0.5] + backwards[:2, 2] - 0.5
    (a, b, tx), (c, d, ty) = backwards[:2].tolist()
    most = max(float(np.abs(linear).sum(axis=1).max()), 1.0)
    side = max(1, min(SIDE, int(16_000 / most)))
    for left, top, right, bottom in _blocks(result.shape, side):
        ends = np.array([[x, y] for x in (left, right - 1) for y in (top, bottom - 1)])
        seen = ends @ linear.T + shift
        low = np.floor(seen.min(axis=0)).astype(np.int64) - REACH[how]
        high = np.ceil(seen.max(axis=0)).astype(np.int64) + REACH[how] + 1
        x0, y0 = np.clip(low, 0, [width, height]).tolist()
        x1, y1 = np.clip(high, 0, [width, height]).tolist()
        if x0 >= x1 or y0 >= y1:
            continue  # the border only
        x, y = np.arange(left, right) + 0.5, (np.arange(top, bottom) + 0.5)[:, None]
        u, v = a * x + b * y + tx, c * x + d * y + ty
        inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
        # The same map, counted from the corners of block and window.
        start = linear @ [left, top] + shift - [x0, y0]
        matrix = np.column_stack((linear, start))
        for channels, there in _planes(pixels[y0:y1, x0:x1]):
            made = cv2.warpAffine(
                channels,
                matrix,
                (right - left, bottom - top),
                flags=flag | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            block = result[top:bottom, left:right, there]
            block[inside] = _as(made, pixels.dtype)[inside]
