"""Masks of the platform: a PNG of the whole image as a data URL.

Foreground is alpha > 127; where the picture has no alpha, what is not zero.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.dataloop.values import Tell, bad
from dlgeom.definitions import Segmentation
from dlgeom.errors import FormatError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["decode_mask", "encode_mask"]

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PREFIX = "data:image/png;base64,"
ALPHA = 127


def decode_mask(
    value: object,
    label: str | None,
    shape: tuple[int, int] | None,
    tell: Tell,
    limits: Limits = DEFAULT_LIMITS,
) -> Segmentation:
    """Decode ``coordinates`` of a ``binary`` annotation.

    Parameters
    ----------
    value : object
        A data URL, or the older ``{"data": url}``.
    shape : tuple of int, optional
        (height, width) of the item, which the mask has to have.

    Raises
    ------
    FormatError
        If it is no such picture (``base64.invalid``, ``image.*``, ``path.url``...).
    """
    from dlgeom.converters.png import decode_png

    if isinstance(value, Mapping) and "data" in value:
        value = value["data"]
    if not isinstance(value, str):
        raise bad("schema.type", f"mask is {value!r:.60}; it is a PNG as a data URL")
    if _URL.match(value):
        raise bad("path.url", "mask is an address; nothing is ever fetched. Export the pixels")
    body = value
    if value.startswith("data:"):
        head, comma, body = value.partition(",")
        if not comma or not head.endswith(";base64"):
            raise bad("base64.prefix", f"mask begins with {head[:40]!r}; expected {_PREFIX!r}")
    notes: list[tuple[str, str]] = []
    if body is value:
        notes.append(("base64.prefix", f"has no {_PREFIX!r} before its pixels; read all the same"))
    bare = "".join(body.split())
    if bare != body:
        notes.append(("base64.prefix", "has line breaks inside its base64; read all the same"))
    try:
        data = base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad("base64.invalid", f"mask is no base64 ({error}). Export it again") from error
    if data.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")):
        raise bad("image.format", "mask is PostScript; masks are PNG. Export it again")
    if not data.startswith(b"\x89PNG"):
        raise bad("image.unreadable", "mask is no PNG. Export it again")
    try:
        png = decode_png(data, limits=limits)
    except FormatError as error:
        # A picture of no pixels is none.
        code = "image.unreadable" if error.code == "image.size" else error.code
        raise bad(code, f"mask {error.message}") from error
    for code, message in (*notes, *png.notes):
        tell(code, f"mask {message}")
    array: NDArray[Any] = png.array
    if png.mode in ("RGBA", "LA"):
        mask = array[..., -1] > ALPHA
    else:
        tell("image.mode", f"mask is a PNG of mode {png.mode}, without alpha; not zero is set")
        mask = np.asarray(array.any(axis=2) if array.ndim == 3 else array != 0)
    if shape is not None and mask.shape != tuple(shape):
        raise bad(
            "image.size_disagrees",
            f"mask is {mask.shape[1]} x {mask.shape[0]}, the item {shape[1]} x {shape[0]} pixels; "
            "a mask covers its item. Export it again",
        )
    return Segmentation(mask, label)


def encode_mask(mask: Segmentation, color: Sequence[int] | None = None) -> str:
    """Return a mask as the platform has it: RGBA, the foreground opaque in one colour."""
    from dlgeom.converters.png import rgba_png

    picture = np.zeros((*mask.shape, 4), dtype=np.uint8)
    picture[mask.to_mask()] = (*tuple(color or (255, 255, 255))[:3], 255)
    return _PREFIX + base64.b64encode(rgba_png(picture)).decode("ascii")
