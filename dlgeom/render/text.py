"""Text on pictures: what an annotation says, readable on any background, each in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.colors import Color
from dlgeom.definitions import FreeText, Subtitle
from dlgeom.render.fonts import load, runs_of
from dlgeom.render.palette import contrasting

__all__ = ["Places", "caption_of", "font_size", "label_image", "put", "text_image"]

Pixels = NDArray[np.uint8]
Shape = tuple[int, int]
LONGEST = 200
"""Characters of a text that is drawn; what is longer ends in three dots."""


def font_size(shape: Shape) -> int:
    """Return the height of text, in pixels, that suits a picture of (height, width)."""
    return max(10, round(max(shape) / 58))


def caption_of(annotation: Annotation) -> str:
    """Return what stands at an annotation: its label, score, words and attribute values.

    The words are those of a subtitle or free text. Attributes that are true stand with their name,
    those that are false or empty not at all.
    """
    parts = [] if annotation.label is None else [annotation.label]
    if annotation.score is not None:
        parts.append(f"{annotation.score:.2f}")
    attributes = annotation.attributes
    shape = annotation.annotation_definition
    values = _words(shape.text) if isinstance(shape, Subtitle | FreeText) else []
    if isinstance(attributes, Mapping):
        for name, value in attributes.items():
            values += [str(name)] if value is True else _words(value)
    elif attributes:
        values += _words(attributes)
    text = " ".join(parts)
    return ": ".join(part for part in (text, ", ".join(values)) if part)


def _words(value: Any) -> list[str]:
    if value is None or value is False or value == "":
        return []
    if isinstance(value, list | tuple):
        return [word for entry in value for word in _words(entry)]
    return [f"{value:g}" if isinstance(value, float) else str(value)]


def _clean(text: str) -> str:
    """Return a text on one line, without what cannot be drawn."""
    words = " ".join(text.split())
    kept = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words)
    return kept if len(kept) <= LONGEST else kept[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


@lru_cache(maxsize=2048)
def _measured(text: str, size: int) -> tuple[tuple[tuple[str, str | None, float], ...], float]:
    """Return the runs of a text with the place where each begins, and the width of all."""
    found = []
    at = 0.0
    for run, path in runs_of(text):
        found.append((run, path, at))
        at += load(path, size).getlength(run)
    return tuple(found), at


@lru_cache(maxsize=1024)
def text_image(text: str, size: int) -> Pixels:
    """Return how much of each pixel a text covers, 0..255, shape (h, w).

    Parameters
    ----------
    text : str
        One line, in any script that an installed font has; character by character another font
        where the first has it not.
    size : int
        Height of the font in pixels.
    """
    from PIL import Image, ImageDraw

    runs, width = _measured(_clean(text), size)
    metrics = [load(path, size).getmetrics() for _, path, _ in runs] or [(size, size // 4)]
    ascent = max(up for up, _ in metrics)
    descent = max(down for _, down in metrics)
    image = Image.new("L", (max(1, int(width + 0.999)), ascent + descent), 0)
    draw = ImageDraw.Draw(image)
    for run, path, at in runs:
        draw.text((at, ascent), run, fill=255, font=load(path, size), anchor="ls")
    return np.asarray(image)


@lru_cache(maxsize=512)
def label_image(text: str, size: int, color: Color, widest: int) -> Pixels:
    """Return a text in black or white on a colour, RGB of shape (h, w, 3); read-only.

    Parameters
    ----------
    text : str
        One line.
    size : int
        Height of the font in pixels.
    color : tuple of int
        Background; the text is black or white, whichever is easier to read on it.
    widest : int
        Width in pixels that it may have; a longer text is cut and ends in three dots.
    """
    pad = max(1, size // 5)
    text = _clean(text)
    cover = text_image(text, size)
    if cover.shape[1] + 2 * pad > widest:
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            width = text_image(text[:middle].rstrip() + "\N{HORIZONTAL ELLIPSIS}", size).shape[1]
            low, high = (middle, high) if width + 2 * pad <= widest else (low, middle - 1)
        cover = text_image(text[:low].rstrip() + "\N{HORIZONTAL ELLIPSIS}", size)
    share = np.pad(cover, ((1, 1), (pad, pad)))[..., None].astype(np.float32) / 255
    ink = np.array(contrasting(color), dtype=np.float32)
    paper = np.array(color, dtype=np.float32)
    image: Pixels = np.rint(paper + (ink - paper) * share).astype(np.uint8)
    image.flags.writeable = False
    return image


class Places:
    """Gives labels places inside a picture where they do not cover each other.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the picture in pixels.
    """

    def __init__(self, shape: Shape) -> None:
        self._height, self._width = shape
        self._taken = np.zeros((16, 4))
        self._count = 0
        self._side = 0  # of a cell of the grid of what is free, made when it is needed
        self._full = np.zeros((0, 0), dtype=np.bool_)

    def find(self, bounds: Sequence[float], size: tuple[int, int]) -> tuple[int, int]:
        """Return left and top of a label and keep its place.

        Parameters
        ----------
        bounds : sequence of float
            Left, top, right, bottom of what it names, in pixels; NaN means the whole picture.
        size : tuple of int
            (width, height) of the label.

        Notes
        -----
        The first of these places that is free: above the left-top corner, inside of it, below
        the left-bottom corner, above and below the right corners, then rows further down and up.
        Where there is none, the nearest free place in the picture; where there is none at all,
        the one of them that covers least of other labels.
        """
        wide, tall = size
        left, top, right, bottom = (0.0 if edge != edge else edge for edge in bounds)
        wishes = [
            (left, top - tall), (left, top), (left, bottom), (left, bottom - tall),
            (right - wide, top - tall), (right - wide, top), (right - wide, bottom),
            (right, top), (left - wide, top),
        ]  # fmt: skip
        for step in range(1, 9):
            wishes += [(left, top + step * tall), (left, top - (step + 1) * tall)]
        places = np.rint(np.array(wishes))
        most = np.array([max(self._width - wide, 0), max(self._height - tall, 0)])
        places = np.clip(places, 0, most)
        boxes = np.hstack((places, places + size))
        taken = self._taken[: self._count]
        if len(taken) > 32:
            reach = np.hstack((boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)))
            near = (taken[:, :2] < reach[2:]).all(axis=1) & (taken[:, 2:] > reach[:2]).all(axis=1)
            taken = taken[near]
        low = np.maximum(boxes[:, None, :2], taken[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], taken[None, :, 2:])
        covered = np.clip(high - low, 0, None).prod(axis=2).sum(axis=1)
        best = int(covered.argmin())
        if covered[best] > 0 and (place := self._nearest_free(places[0], wide, tall)) is not None:
            self.keep((*place, place[0] + wide, place[1] + tall))
            return place
        self.keep(boxes[best])
        return int(places[best, 0]), int(places[best, 1])

    def _nearest_free(self, wish: Any, wide: int, tall: int) -> tuple[int, int] | None:
        """Return the place nearest to a wish where nothing is, on a grid as high as a label."""
        if tall != self._side:
            self._side = tall
            self._full = np.zeros((self._height // tall, self._width // tall), dtype=np.bool_)
            for box in self._taken[: self._count]:
                self._fill(box)
        need = -(-wide // tall)
        rows, columns = self._full.shape
        if not rows or need > columns:
            return None
        before = np.zeros((rows, columns + 1), dtype=np.int32)
        np.cumsum(self._full, axis=1, out=before[:, 1:])
        row, column = np.nonzero(before[:, need:] == before[:, : columns + 1 - need])
        if not len(row):
            return None
        far = np.hypot(column * tall - wish[0], row * tall - wish[1])
        nearest = int(far.argmin())
        return int(column[nearest]) * tall, int(row[nearest]) * tall

    def _fill(self, box: Any) -> None:
        """Mark the cells that a box touches."""
        left, top, right, bottom = (float(edge) / self._side for edge in box)
        self._full[
            int(max(top, 0)) : int(np.ceil(bottom)), int(max(left, 0)) : int(np.ceil(right))
        ] = True

    def keep(self, box: Any) -> None:
        """Take a place: left, top, right, bottom in pixels."""
        if self._count == len(self._taken):
            self._taken = np.concatenate((self._taken, np.zeros_like(self._taken)))
        self._taken[self._count] = box
        self._count += 1
        if self._side:
            self._fill(box)


def put(canvas: Pixels, image: Pixels, left: int, top: int) -> None:
    """Copy a label onto a canvas with 3 or 4 channels, opaque; what sticks out is cut."""
    height = min(image.shape[0], canvas.shape[0] - top)
    width = min(image.shape[1], canvas.shape[1] - left)
    canvas[top : top + height, left : left + width, :3] = image[:height, :width]
    if canvas.shape[2] == 4:
        canvas[top : top + height, left : left + width, 3] = 255
