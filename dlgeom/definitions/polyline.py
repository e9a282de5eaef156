"""Polylines: one or more open lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.definitions.base import (
    AttributesLike,
    points_array,
    read_only,
)
from dlgeom.definitions.polygon import split_geo
from dlgeom.definitions.vertices import VertexDefinition
from dlgeom.errors import GeometryError
from dlgeom.geometry.ragged import offsets_of

__all__ = ["Polyline"]

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]


class Polyline(VertexDefinition):
    """One or more open lines, vertices in continuous pixels.

    Parameters
    ----------
    geo : array_like of float, shape (N, 2), or sequence of such lines
        Vertices x, y of one line or of several. A line that ends where it starts stays as it
        is.
    label : str
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If there is no line, or one has the wrong shape, fewer than two vertices, or a number
        that is not finite.

    Examples
    --------
    >>> line = Polyline([[0, 0], [3, 4], [3, 9]], "lane")
    >>> line, line.length, line.bounds
    (Polyline(3 vertices, label='lane'), 10.0, (0.0, 0.0, 3.0, 9.0))
    >>> Polyline([line.geo, [[5, 5], [6, 6]]], "lane")
    Polyline(2 lines, 5 vertices, label='lane')
    """

    type: ClassVar[str] = "polyline"

    # xy (V, 2) and the offsets of the lines in it; None for a single line, which most are.
    __slots__ = ("_lines",)
    _geometry = ("_xy", "_lines")

    _lines: Offsets | None

    def __init__(
        self,
        geo: ArrayLike | Sequence[ArrayLike],
        label: str | None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> None:
        lines = [
            _line(line, f"Polyline: line {k}")
            for k, line in enumerate(split_geo(geo, "Polyline", "line"))
        ]
        if not lines:
            raise GeometryError("Polyline has no line; it needs one of two vertices or more")
        single = len(lines) == 1
        put = object.__setattr__
        put(self, "_xy", read_only(lines[0] if single else np.concatenate(lines)))
        lengths = None if single else read_only(offsets_of([len(line) for line in lines]))
        put(self, "_lines", lengths)
        self._fill(label, attributes, description)

    @property
    def lines(self) -> list[Floats]:
        """The lines in order, as read-only arrays of shape (n, 2)."""
        if self._lines is None:
            return [self._xy]
        return [self._xy[a:b] for a, b in pairwise(self._lines.tolist())]

    @property
    def geo(self) -> Any:
        """Vertices, shape (N, 2), of a polyline with one line; else a list of its lines."""
        return self._xy if self._lines is None else self.lines

    @property
    def length(self) -> float:
        """Length of all lines together, in pixels."""
        return float(sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in self.lines))

    def _summary(self) -> list[str]:
        vertices = f"{len(self._xy)} vertices"
        return [vertices] if self._lines is None else [f"{len(self.lines)} lines", vertices]


def _line(values: ArrayLike, what: str) -> Floats:
    line = points_array(values, what)
    if len(line) < 2:
        raise GeometryError(
            f"{what} has {len(line)} vertices; a line has at least two. Use Point for one"
        )
    return line
