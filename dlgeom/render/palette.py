"""Colours of annotations: those of their labels, or of a palette that tells neighbours apart."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlgeom.colors import Color, color_of_name, parse_color
from dlgeom.errors import UsageError
from dlgeom.render.scene import Scene, bounds_of

__all__ = ["ColorBy", "colors_of", "contrasting", "label_colors", "neighbour_colors", "palette"]

ColorBy = Literal["label", "instance", "object"]

SAFE: tuple[Color, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66),
    (0, 114, 178), (213, 94, 0), (204, 121, 167), (0, 0, 0),
)  # fmt: skip
"""Colours that people with any common colour blindness tell apart (Okabe and Ito, 2008)."""

GOLDEN = 0.618_033_988_749_895
TONES = ((0.85, 1.0), (0.65, 0.75), (1.0, 0.85), (0.45, 1.0))
WHITE: Color = (255, 255, 255)


def palette(count: int, *, safe: bool = False) -> list[Color]:
    """Return colours of which those next to each other differ clearly.

    Parameters
    ----------
    count : int
        How many.
    safe : bool, default False
        Take the eight colours of Okabe and Ito, which the colour-blind tell apart, again and
        again but lighter and darker, instead of all hues.

    Examples
    --------
    >>> palette(2, safe=True)
    [(230, 159, 0), (86, 180, 233)]
    """
    if safe:
        return [_toned(SAFE[k % len(SAFE)], k // len(SAFE)) for k in range(count)]
    colors = []
    for k in range(count):
        # Steps of the golden ratio never come back to a hue, and spread any number of them.
        saturation, value = TONES[k % len(TONES)]
        red, green, blue = colorsys.hsv_to_rgb((0.02 + k * GOLDEN) % 1.0, saturation, value)
        colors.append((round(255 * red), round(255 * green), round(255 * blue)))
    return colors


def _toned(color: Color, turn: int) -> Color:
    """Return a colour lighter or darker: each turn another step."""
    if not turn:
        return color
    share = 0.45 if turn <= 2 else 0.2 + 0.4 * (turn * GOLDEN % 1.0)
    goal = 255 if turn % 2 or not any(color) else 0
    if goal and not turn % 2:  # black cannot be darker
        share += 0.3
    red, green, blue = (round(part + (goal - part) * share) for part in color)
    return red, green, blue


def label_colors(scene: Scene, colors: Any = None, *, safe: bool | None = None) -> dict[str, Color]:
    """Return the colour of each label of a scene.

    Parameters
    ----------
    scene : Scene
        Its table of labels may know colours.
    colors : mapping or Ontology, optional
        Label -> colour in any spelling, or an `Ontology`; goes before the table.
    safe : bool, optional
        Give labels without a colour those of `palette` instead of one made from their name.
    """
    tree = getattr(colors, "color_map", colors) or {}
    known = {name: _color(value) for name, value in tree.items()}
    if scene.labels is not None:
        for label in scene.labels:
            if label.color is not None:
                known.setdefault(label.name, label.color)
    names = {one.label for one in scene.annotations if one.label is not None}
    if scene.labels is not None and safe is not None:
        names |= set(scene.labels.names)
    if safe is None:
        for name in names - known.keys():
            known[name] = color_of_name(name)
        return known
    rest = sorted(names - known.keys())
    known.update(zip(rest, palette(len(rest), safe=safe), strict=True))
    return known


def _color(value: Any) -> Color:
    if isinstance(value, list | tuple) and len(value) == 4:
        value = value[:3]
    return parse_color(value)


def colors_of(
    scene: Scene,
    *,
    by: ColorBy = "label",
    color: Any = None,
    colors: Any = None,
    safe: bool | None = None,
) -> list[Color]:
    """Return the colour of each annotation.

    Parameters
    ----------
    scene : Scene
        What is drawn.
    by : {"label", "instance", "object"}
        ``label``: that of the label, white without one. ``instance``: such that neighbours
        differ. ``object``: one for each object id, and neighbours differ for the others.
    color : colour, optional
        The same for all.
    colors, safe
        As for `label_colors`.

    Raises
    ------
    UsageError
        If a colour or `by` is none.
    """
    if color is not None:
        return [_color(color)] * len(scene.annotations)
    if by == "label":
        known = label_colors(scene, colors, safe=safe)
        return [WHITE if one.label is None else known[one.label] for one in scene.annotations]
    if by not in ("instance", "object"):
        raise UsageError(f"color_by is {by!r}; it is label, instance or object")
    bounds = np.array([bounds_of(one) for one in scene.annotations]).reshape(-1, 4)
    found = neighbour_colors(bounds, safe=bool(safe))
    if by == "object":
        for place, one in enumerate(scene.annotations):
            if one.object_id is not None:
                number = int(one.object_id)
                found[place] = palette(number % 64 + 1, safe=bool(safe))[-1]
    return found


def neighbour_colors(bounds: NDArray[np.float64], *, safe: bool = False) -> list[Color]:
    """Return colours such that boxes that touch or overlap differ as much as they can.

    Parameters
    ----------
    bounds : ndarray of float64, shape (N, 4)
        Left, top, right, bottom in pixels; NaN has no neighbours.
    safe : bool, default False
        As for `palette`.

    Notes
    -----
    One after the other gets the colour whose smallest distance to those of its neighbours is the
    greatest; of equal ones the first in turn.
    """
    count = len(bounds)
    choices = palette(8 if safe else 24, safe=safe)
    space = _lightness_space(choices)
    apart = np.linalg.norm(space[:, None] - space[None], axis=2)
    reach = 0.02 * float(np.nanmax(bounds, initial=0.0)) if count else 0.0
    chosen = np.zeros(count, dtype=np.int64)
    for k in range(count):
        near = np.flatnonzero(
            (bounds[:k, 0] - reach <= bounds[k, 2])
            & (bounds[:k, 2] + reach >= bounds[k, 0])
            & (bounds[:k, 1] - reach <= bounds[k, 3])
            & (bounds[:k, 3] + reach >= bounds[k, 1])
        )
        if len(near) == 0:
            chosen[k] = k % len(choices)
            continue
        distance = apart[:, np.unique(chosen[near])].min(axis=1)
        chosen[k] = _first_best(distance, k)
    return [choices[index] for index in chosen.tolist()]


def _first_best(distance: NDArray[np.float64], start: int) -> int:
    """Return the place of the greatest distance; of nearly equal ones the first from `start`."""
    good = np.flatnonzero(distance >= 0.9 * distance.max())
    return int(good[np.searchsorted(good, start % len(distance)) % len(good)])


def _lightness_space(colors: Sequence[Color]) -> NDArray[np.float64]:
    """Return colours in a space in which distances are roughly those that people see (Lab)."""
    import cv2

    pixels = np.array([colors], dtype=np.float32) / 255
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[0], dtype=np.float64)


def contrasting(color: Color) -> Color:
    """Return black or white, whichever is easier to read on a colour: 4.5 to 1 at least.

    Contrast as in the Web Content Accessibility Guidelines 2, relative luminance of sRGB.
    """
    parts = [part / 255 for part in color]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 1.05 * 0.05 else WHITE
