"""Strategies for definitions of any type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Unpack

from hypothesis import strategies as st

from dlgeom import definitions as classes
from dlgeom.definitions import Definition
from dlgeom.errors import UsageError
from dlgeom.testing.strategies import shapes, words
from dlgeom.testing.strategies.knobs import Knobs

__all__ = ["STRATEGIES", "definitions"]


@dataclass(frozen=True)
class Kind:
    """The strategy of one class, and which knobs make sense for it."""

    strategy: Callable[..., st.SearchStrategy[Any]]
    place: bool = True
    extent: bool = True
    holes: bool = False


# Simple ones first: towards them examples shrink.
STRATEGIES: dict[type[Definition], Kind] = {
    classes.Box: Kind(shapes.boxes),
    classes.Polygon: Kind(shapes.polygons, holes=True),
    classes.Segmentation: Kind(shapes.segmentations, holes=True),
    classes.Point: Kind(shapes.points, extent=False),
    classes.Polyline: Kind(shapes.polylines),
    classes.Ellipse: Kind(shapes.ellipses),
    classes.Pose: Kind(shapes.poses),
    classes.Cube: Kind(shapes.cubes),
    classes.Note: Kind(words.notes),
    classes.Classification: Kind(words.classifications, place=False, extent=False),
    classes.Description: Kind(words.descriptions, place=False, extent=False),
    classes.Subtitle: Kind(words.subtitles, place=False, extent=False),
    classes.FreeText: Kind(words.free_texts, place=False, extent=False),
    classes.Text: Kind(words.text_marks, place=False, extent=False),
    classes.RefImage: Kind(words.ref_images, place=False, extent=False),
    classes.Comparison: Kind(words.comparisons, place=False, extent=False),
    classes.Gis: Kind(words.gis, place=False, extent=False),
    classes.Cube3d: Kind(words.cubes_3d, place=False),
    classes.UndefinedAnnotationType: Kind(words.undefined, place=False, extent=False),
}
"""Each class of definitions with its strategy."""


def definitions(
    kinds: Iterable[type[Definition]] | None = None,
    *,
    holes: bool | None = None,
    valid: bool = False,
    **knobs: Unpack[Knobs],
) -> st.SearchStrategy[Any]:
    """Draw a definition of any type, or of some.

    Parameters
    ----------
    kinds : iterable of type, optional
        Classes such as `Box`; all if not given.
    holes : bool or None, default None
        As for `polygons` and `segmentations`. True leaves out all that cannot have one.
    valid : bool, default False
        Whether polygons are valid ones only.
    **knobs
        See `Knobs`. ``degenerate=True`` leaves out what has no extent to lose, ``huge=True``
        what has no place in the image; with `size` what has no place may come.

    Raises
    ------
    UsageError
        If a class is unknown, or nothing is left.

    Examples
    --------
    >>> from dlgeom.definitions import Box, Polygon
    >>> strategy = definitions([Box, Polygon], size=(640, 480), valid=True, labels=["cat", "dog"])
    """
    chosen = list(STRATEGIES if kinds is None else kinds)
    for cls in chosen:
        if cls not in STRATEGIES:
            raise UsageError(
                f"no strategy for {cls!r}; there is one for each class of dlgeom.definitions"
            )
    degenerate = knobs.get("degenerate")
    found = []
    for cls in chosen:
        kind = STRATEGIES[cls]
        flat = degenerate and (not kind.extent or (cls is classes.Polygon and valid))
        if flat or (knobs.get("huge") and not kind.place) or (holes and not kind.holes):
            continue
        if degenerate and holes and cls is classes.Segmentation:
            continue
        special: dict[str, Any] = {"holes": holes} if kind.holes else {}
        if cls is classes.Polygon:
            special["valid"] = valid
        found.append(kind.strategy(**special, **knobs))
    if not found:
        raise UsageError("no definition meets these knobs; leave out one of them, or name others")
    return st.one_of(found)
