"""The knobs that all strategies for definitions share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, TypedDict

from hypothesis import strategies as st

from dlgeom.errors import UsageError
from dlgeom.testing.strategies import numbers, values

__all__ = ["HUGE", "HUGE_SIZE", "Knobs", "Rest", "Space", "spaces_of"]

HUGE = 10_000.0
"""Pixels from which on a shape counts as huge: all its coordinates are at least that."""
HUGE_SIZE = (60_000, 50_000)
"""(width, height) of the image that huge shapes lie in."""

Rest = tuple[str | None, Any, str | None]


class Knobs(TypedDict, total=False):
    """Keywords that every strategy for definitions takes.

    Where a knob has three values, True means always, False never, and None both.

    Parameters
    ----------
    size : tuple of int, optional
        (width, height) of an image that the whole shape lies in, its border included. None
        draws shapes in and around an image of 24 x 24 pixels.
    grid : float, optional
        Edges and vertices are multiples of it: 1 for whole pixels, 0.5, 0.1... None draws whole,
        half, tenth and any other numbers. Angles, and sizes that an angle makes, are free.
    degenerate : bool or None, default None
        Whether the shape is without extent: a box of no width or height, a polygon whose
        vertices lie on one line, a line that stands still, an ellipse with an axis of 0, an
        empty mask, a pose without a labelled point, a cube whose corners lie on one line.
    huge : bool or None, default False
        Whether it lies in an image of 60,000 x 50,000 pixels, all coordinates at 10,000 or
        beyond.
    labels : strategy or sequence of str, optional
        What to draw labels from; any short text or None if not given.
    attributes : strategy or bool, default True
        What to draw attributes from; False draws none, True both forms with any JSON values.
    descriptions : strategy or bool, default True
        What to draw descriptions from; False draws none, True any short text or None.
    """

    size: tuple[int, int] | None
    grid: float | None
    degenerate: bool | None
    huge: bool | None
    labels: st.SearchStrategy[str | None] | Sequence[str] | None
    attributes: st.SearchStrategy[Any] | bool
    descriptions: st.SearchStrategy[str | None] | bool


@dataclass(frozen=True, slots=True)
class Space:
    """Where the coordinates of one shape lie, in pixels, and on which grid.

    `inside` says that all of it lies in [left, right] x [top, bottom], not only what is drawn.
    """

    left: float = numbers.LOW
    top: float = numbers.LOW
    right: float = numbers.HIGH
    bottom: float = numbers.HIGH
    grid: float | None = None
    inside: bool = False
    x: st.SearchStrategy[float] = field(init=False, compare=False)
    y: st.SearchStrategy[float] = field(init=False, compare=False)
    point: st.SearchStrategy[tuple[float, float]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "x", numbers.coordinates(self.left, self.right, grid=self.grid))
        put(self, "y", numbers.coordinates(self.top, self.bottom, grid=self.grid))
        put(self, "point", st.tuples(self.x, self.y))

    @property
    def is_huge(self) -> bool:
        """Whether it is that of huge shapes."""
        return self.left >= HUGE

    @property
    def narrow(self) -> str:
        """Which of x and y have no two places on the grid."""
        if self.grid is None:
            return ""
        a, b = numbers.steps(self.grid)
        sides = {"x": (self.left, self.right), "y": (self.top, self.bottom)}
        return "".join(
            axis
            for axis, (low, high) in sides.items()
            if math.ceil(low * b / a) >= math.floor(high * b / a)
        )

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the image."""
        return int(self.right), int(self.bottom)


def spaces_of(knobs: Knobs) -> st.SearchStrategy[Space]:
    """Return the strategy for the spaces that knobs ask for.

    Raises
    ------
    UsageError
        If they do not fit together, or one is unknown.
    """
    unknown = set(knobs) - Knobs.__annotations__.keys()
    if unknown:
        raise UsageError(
            f"unknown knob {sorted(unknown)[0]!r}; known: {', '.join(Knobs.__annotations__)}"
        )
    size, grid = knobs.get("size"), knobs.get("grid")
    if grid is not None:
        numbers.steps(grid)
    return _spaces(None if size is None else _checked(size), grid, knobs.get("huge", False))


@cache
def _spaces(
    size: tuple[int, int] | None, grid: float | None, huge: bool | None
) -> st.SearchStrategy[Space]:
    spaces = []
    if huge is not True:
        spaces.append(
            Space(grid=grid) if size is None else Space(0, 0, *size, grid=grid, inside=True)
        )
    if huge is not False:
        width, height = HUGE_SIZE if size is None else size
        if min(width, height) > HUGE:
            spaces.append(Space(HUGE, HUGE, width, height, grid, inside=True))
        elif huge:
            raise UsageError(
                f"size is {size}, but huge shapes begin at {HUGE:g} pixels; leave out one of "
                "size and huge"
            )
    return st.sampled_from(spaces) if len(spaces) > 1 else st.just(spaces[0])


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    try:
        width, height = size
        whole = all(isinstance(side, int) and side > 0 for side in (width, height))
    except (TypeError, ValueError):
        whole = False
    if not whole:
        raise UsageError(f"size is {size!r}; it is (width, height) in whole pixels, both > 0")
    return width, height


def rests_of(knobs: Knobs) -> st.SearchStrategy[Rest]:
    """Return the strategy for label, attributes and description."""
    labels: Any = knobs.get("labels")
    if labels is not None and not isinstance(labels, st.SearchStrategy):
        labels = tuple(labels)
    return _rests(labels, knobs.get("attributes", True), knobs.get("descriptions", True))


@lru_cache(256)
def _rests(labels: Any, attributes: Any, descriptions: Any) -> st.SearchStrategy[Rest]:
    if labels is None:
        labels = values.texts()
    return st.tuples(
        st.sampled_from(labels) if isinstance(labels, tuple) else labels,
        _optional(attributes, values.attributes),
        _optional(descriptions, values.texts),
    )


def _optional(knob: Any, default: Any) -> st.SearchStrategy[Any]:
    if isinstance(knob, st.SearchStrategy):
        return knob
    return default() if knob else st.none()


def fits(corners: Any, space: Space) -> float:
    """Return how much a shape about its middle has to shrink to lie in a space, at most 1.

    Parameters
    ----------
    corners : ndarray of float64, shape (N, 2)
        What must lie inside.
    """
    if not space.inside:
        return 1.0
    middle = corners.mean(axis=0)
    reach = abs(corners - middle).max(axis=0)
    room = (
        min(middle[0] - space.left, space.right - middle[0]),
        min(middle[1] - space.top, space.bottom - middle[1]),
    )
    most = 1.0
    for have, need in zip(room, reach.tolist(), strict=True):
        if need > have:
            # A little less, because turning rounds.
            most = min(most, math.nextafter(have / need, 0.0) if have > 0 else 0.0)
    return float(most)
