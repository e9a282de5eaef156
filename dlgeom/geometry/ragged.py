"""Ragged columns: rows of different lengths in one flat array with offsets.

Coordinates of many outlines, counts of many masks and keypoints of many poses each lie in one
array, so that a window of a large file is a handful of arrays and a row is a read-only view.
Offsets are int64 with one entry more than there are rows, start at 0 and never fall.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError

__all__ = ["Ragged", "Rings", "Runs", "gather", "offsets_of"]

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]


def offsets_of(lengths: ArrayLike) -> Offsets:
    """Turn the lengths of N rows, shape (N,), into N + 1 offsets."""
    counts = np.asarray(lengths, dtype=np.int64)
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def gather(offsets: Offsets, rows: NDArray[np.integer[Any]]) -> tuple[Offsets, Offsets]:
    """Return the element indexes of the chosen rows, in their order, and the new offsets."""
    starts = offsets[:-1][rows]
    lengths = offsets[1:][rows] - starts
    fresh = offsets_of(lengths)
    index = np.arange(fresh[-1], dtype=np.int64)
    index += np.repeat(starts - fresh[:-1], lengths)
    return index, fresh


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view; the caller's own array stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view


class Ragged:
    """N rows of points, each of any length.

    Parameters
    ----------
    values : ndarray of float64, shape (V, K)
        The points of all rows one after the other.
    offsets : ndarray of int64, shape (N + 1,)
        Row i is ``values[offsets[i]:offsets[i + 1]]``.
    """

    __slots__ = ("offsets", "values")

    def __init__(self, values: Floats, offsets: Offsets) -> None:
        self.values: Floats = _frozen(values)
        self.offsets: Offsets = _frozen(offsets)

    @classmethod
    def empty(cls, rows: int, width: int = 3) -> Self:
        """Return `rows` rows without points."""
        return cls(np.zeros((0, width)), np.zeros(rows + 1, dtype=np.int64))

    @classmethod
    def of(cls, rows: Iterable[Floats | None], width: int = 3) -> Self:
        """Build from one array of shape (n, width) a row; None is a row without points."""
        arrays = [np.zeros((0, width)) if row is None else row for row in rows]
        values = np.concatenate(arrays) if arrays else np.zeros((0, width))
        return cls(values.astype(np.float64, copy=False), offsets_of([len(a) for a in arrays]))

    @classmethod
    def concat(cls, blocks: Sequence[Self], width: int = 3) -> Self:
        """Put the rows of several columns one after the other."""
        if not blocks:
            return cls.empty(0, width)
        lengths = np.concatenate([block.lengths for block in blocks])
        return cls(np.concatenate([block.values for block in blocks]), offsets_of(lengths))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Offsets:
        """Points in each row, shape (N,)."""
        return np.diff(self.offsets)

    def row(self, index: int) -> Floats:
        """Return row `index` as a read-only view of shape (n, K)."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def take(self, rows: NDArray[np.integer[Any]]) -> Self:
        """Return the chosen rows, in the order given."""
        index, offsets = gather(self.offsets, rows)
        return type(self)(self.values[index], offsets)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ragged):
            return NotImplemented
        return np.array_equal(self.offsets, other.offsets) and np.array_equal(
            self.values, other.values, equal_nan=True
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ragged({len(self)} rows, {len(self.values)} points)"


class Rings:
    """Outlines of N rows: a row has parts, a part has rings, a ring has vertices.

    The first ring of a part is its exterior, the others are its holes. A ring is closed without
    repeating its first vertex. A row without parts has no outline. The mask of a row is the OR
    over its parts of (exterior XOR holes).

    Parameters
    ----------
    xy : ndarray of float64, shape (V, 2)
        Vertices of all rings, x then y, in pixels.
    rings : ndarray of int64, shape (R + 1,)
        Ring r has the vertices ``xy[rings[r]:rings[r + 1]]``.
    parts : ndarray of int64, shape (P + 1,)
        Part p has the rings ``parts[p]:parts[p + 1]``.
    rows : ndarray of int64, shape (N + 1,)
        Row i has the parts ``rows[i]:rows[i + 1]``.
    """

    __slots__ = ("parts", "rings", "rows", "xy")

    def __init__(self, xy: Floats, rings: Offsets, parts: Offsets, rows: Offsets) -> None:
        self.xy: Floats = _frozen(xy)
        self.rings: Offsets = _frozen(rings)
        self.parts: Offsets = _frozen(parts)
        self.rows: Offsets = _frozen(rows)

    @classmethod
    def empty(cls, rows: int) -> Self:
        """Return `rows` rows without an outline."""
        one = np.zeros(1, dtype=np.int64)
        return cls(np.zeros((0, 2)), one, one, np.zeros(rows + 1, dtype=np.int64))

    @classmethod
    def of(cls, rows: Iterable[Sequence[Sequence[ArrayLike]] | None]) -> Self:
        """Build from nested lists: rows of parts of rings of shape (n, 2); None has no outline."""
        vertices: list[Floats] = []
        part_sizes: list[int] = []
        row_sizes: list[int] = []
        for row in rows:
            parts = row or ()
            row_sizes.append(len(parts))
            for part in parts:
                part_sizes.append(len(part))
                for ring in part:
                    array = np.asarray(ring, dtype=np.float64)
                    if array.ndim != 2 or array.shape[1] != 2:
                        raise GeometryError(
                            f"ring has shape {array.shape}; expected (n, 2), x then y"
                        )
                    vertices.append(array)
        xy = np.concatenate(vertices) if vertices else np.zeros((0, 2))
        return cls(
            xy,
            offsets_of([len(ring) for ring in vertices]),
            offsets_of(part_sizes),
            offsets_of(row_sizes),
        )

    @classmethod
    def concat(cls, blocks: Sequence[Self]) -> Self:
        """Put the rows of several columns one after the other."""
        if not blocks:
            return cls.empty(0)
        return cls(
            np.concatenate([block.xy for block in blocks]),
            offsets_of(np.concatenate([np.diff(block.rings) for block in blocks])),
            offsets_of(np.concatenate([np.diff(block.parts) for block in blocks])),
            offsets_of(np.concatenate([np.diff(block.rows) for block in blocks])),
        )

    def __len__(self) -> int:
        return len(self.rows) - 1

    @property
    def part_counts(self) -> Offsets:
        """Parts of each row, shape (N,)."""
        return np.diff(self.rows)

    @property
    def row_rings(self) -> Offsets:
        """Ring offsets of the rows, shape (N + 1,): row i has rings ``[i]:[i + 1]``."""
        return self.parts[self.rows]

    @property
    def row_vertices(self) -> Offsets:
        """Vertex offsets of the rows, shape (N + 1,)."""
        return self.rings[self.parts[self.rows]]

    @property
    def is_hole(self) -> NDArray[np.bool_]:
        """Whether each ring is a hole, shape (R,)."""
        hole = np.ones(len(self.rings) - 1, dtype=np.bool_)
        hole[self.parts[:-1]] = False
        return hole

    def ring(self, index: int) -> Floats:
        """Return ring `index` as a read-only view of shape (n, 2)."""
        return self.xy[self.rings[index] : self.rings[index + 1]]

    def row(self, index: int) -> list[list[Floats]]:
        """Return the parts of a row; each is a list of views, exterior first."""
        return [
            [self.ring(r) for r in range(self.parts[p], self.parts[p + 1])]
            for p in range(self.rows[index], self.rows[index + 1])
        ]

    def __iter__(self) -> Iterator[list[list[Floats]]]:
        return (self.row(index) for index in range(len(self)))

    def take(self, rows: NDArray[np.integer[Any]]) -> Self:
        """Return the chosen rows, in the order given."""
        part_index, row_offsets = gather(self.rows, rows)
        ring_index, part_offsets = gather(self.parts, part_index)
        index, ring_offsets = gather(self.rings, ring_index)
        return type(self)(self.xy[index], ring_offsets, part_offsets, row_offsets)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rings):
            return NotImplemented
        return (
            np.array_equal(self.rows, other.rows)
            and np.array_equal(self.parts, other.parts)
            and np.array_equal(self.rings, other.rings)
            and np.array_equal(self.xy, other.xy)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Rings({len(self)} rows, {len(self.rings) - 1} rings, {len(self.xy)} vertices)"


class Runs:
    """Masks of N rows as run lengths, column by column, zeros first (COCO's counts).

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of all rows. A run of 2**32 pixels or more is kept as several with runs of
        length zero between them.
    offsets : ndarray of int64, shape (N + 1,)
        Row i has ``counts[offsets[i]:offsets[i + 1]]``.
    shape : ndarray of int64, shape (N, 2)
        Height and width of each mask; (0, 0) where the row has none.
    """

    __slots__ = ("counts", "offsets", "shape")

    def __init__(
        self, counts: NDArray[np.uint32], offsets: Offsets, shape: NDArray[np.int64]
    ) -> None:
        self.counts: NDArray[np.uint32] = _frozen(counts)
        self.offsets: Offsets = _frozen(offsets)
        self.shape: NDArray[np.int64] = _frozen(shape)

    @classmethod
    def empty(cls, rows: int) -> Self:
        """Return `rows` rows without a mask."""
        return cls(
            np.zeros(0, dtype=np.uint32),
            np.zeros(rows + 1, dtype=np.int64),
            np.zeros((rows, 2), dtype=np.int64),
        )

    @classmethod
    def of(cls, rows: Iterable[tuple[NDArray[np.uint32], tuple[int, int]] | None]) -> Self:
        """Build from (counts, (height, width)) pairs; None is a row without a mask."""
        nothing = (np.zeros(0, dtype=np.uint32), (0, 0))
        pairs = [nothing if row is None else row for row in rows]
        if not pairs:
            return cls.empty(0)
        return cls(
            np.concatenate([counts for counts, _ in pairs]),
            offsets_of([len(counts) for counts, _ in pairs]),
            np.array([shape for _, shape in pairs], dtype=np.int64),
        )

    @classmethod
    def concat(cls, blocks: Sequence[Self]) -> Self:
        """Put the rows of several columns one after the other."""
        if not blocks:
            return cls.empty(0)
        return cls(
            np.concatenate([block.counts for block in blocks]),
            offsets_of(np.concatenate([np.diff(block.offsets) for block in blocks])),
            np.concatenate([block.shape for block in blocks]),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether each row has a mask, shape (N,)."""
        return self.shape[:, 0] > 0

    def row(self, index: int) -> NDArray[np.uint32]:
        """Return the counts of a row as a read-only view."""
        return self.counts[self.offsets[index] : self.offsets[index + 1]]

    def take(self, rows: NDArray[np.integer[Any]]) -> Self:
        """Return the chosen rows, in the order given."""
        index, offsets = gather(self.offsets, rows)
        return type(self)(self.counts[index], offsets, self.shape[rows])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Runs):
            return NotImplemented
        return (
            np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.shape, other.shape)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Runs({len(self)} rows, {len(self.counts)} counts)"
