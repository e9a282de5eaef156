"""What definitions share that are rings or lines: one array of vertices, cut by offsets."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions.base import ArrayDefinition, Bounds

__all__ = ["VertexDefinition"]

Floats = NDArray[np.float64]


class VertexDefinition(ArrayDefinition):
    """Vertices (V, 2) in `_xy`, and offsets in further slots, None where there is one piece."""

    __slots__ = ("_xy",)
    _geometry: ClassVar[tuple[str, ...]] = ("_xy",)

    _xy: Floats

    @property
    def x(self) -> Floats:
        """Horizontal coordinates of all vertices, shape (V,)."""
        return self._xy[:, 0]

    @property
    def y(self) -> Floats:
        """Vertical coordinates of all vertices, shape (V,)."""
        return self._xy[:, 1]

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom of the vertices, in pixels."""
        left, top = self._xy.min(axis=0).tolist()
        right, bottom = self._xy.max(axis=0).tolist()
        return left, top, right, bottom

    def _cuts(self) -> list[NDArray[np.int64] | None]:
        """Return the offsets, outermost last."""
        return [getattr(self, name) for name in self._geometry[1:]]

    def _geometry_key(self) -> Any:
        # Adding 0.0 turns -0.0 into 0.0, which compare equal but differ in their bytes.
        cuts = (None if cut is None else cut.tobytes() for cut in self._cuts())
        return (self._xy + 0.0).tobytes(), *cuts

    def _same_structure(self, other: Any) -> bool:
        if self._xy.shape != other._xy.shape:
            return False
        for mine, theirs in zip(self._cuts(), other._cuts(), strict=True):
            if (mine is None) != (theirs is None):
                return False
            if mine is not None and not np.array_equal(mine, theirs):
                return False
        return True

    def _same_geometry(self, other: Any) -> bool:
        return self._same_structure(other) and np.array_equal(self._xy, other._xy)

    def _close_geometry(self, other: Any, atol: float) -> bool:
        return self._same_structure(other) and bool((np.abs(self._xy - other._xy) <= atol).all())
