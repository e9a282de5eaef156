"""The text of an outline in a COCO file, made from what a target gives back.

A target may round coordinates, join rings and leave out closing points; the source's digits follow
where it is known how many decimals it has, and how it writes numbers. That is the form of a text,
one character.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry.ragged import Rings

__all__ = ["FORMS", "IN_FILE", "Texts", "forms_of"]

IN_FILE = "."
"""For a row whose record has its outline in the file."""

FORMS = string.ascii_letters + string.digits + "+-"
"""Sixty-four forms: 8 times the decimals, 4 for blanks, 2 for short whole numbers, 1 for closed."""

AS_IS = 7
"""Decimals of numbers that are not rounded."""

_FRACTIONS = re.compile(rb"\.([0-9]+)")
_WHOLE = re.compile(rb"[\[ ,]-?[0-9]+[,\]]")
_ZERO = re.compile(rb"\.0(?=[,\]])")


def forms_of(text: bytes) -> Iterator[str]:
    """Yield the forms that the text of a segmentation may have."""
    longest = max((len(part.rstrip(b"0")) for part in _FRACTIONS.findall(text)), default=0)
    style = 4 * (b", " in text) + 2 * (_WHOLE.search(text) is not None)
    for decimals in (longest, AS_IS):
        if decimals <= AS_IS:
            yield FORMS[8 * decimals + style]
            yield FORMS[8 * decimals + style + 1]


class Texts:
    """Texts of the outlines of a chunk.

    Parameters
    ----------
    outline : Rings
        As the target's reader gives them.
    """

    def __init__(self, outline: Rings) -> None:
        self._rings, self._row_rings = outline.rings.tolist(), outline.row_rings.tolist()
        self._xy = outline.xy
        self._rounded: dict[int, NDArray[np.float64]] = {}

    def text(self, row: int, form: str) -> bytes:
        """Return the text of a row in a form; b"" if it has no outline."""
        decimals, style = divmod(FORMS.index(form), 8)
        xy = self._rounded.get(decimals)
        if xy is None:
            # The sum with zero makes one number of the two zeros.
            xy = (self._xy if decimals == AS_IS else np.round(self._xy, decimals)) + 0.0
            self._rounded[decimals] = xy
        rings = []
        for ring in range(self._row_rings[row], self._row_rings[row + 1]):
            points = xy[self._rings[ring] : self._rings[ring + 1]].ravel().tolist()
            rings.append(points + points[:2] if style & 1 else points)
        if not rings:
            return b""
        text = msgspec.json.encode(rings)
        if style & 2:
            text = _ZERO.sub(b"", text)
        return text.replace(b",", b", ") if style & 4 else text
