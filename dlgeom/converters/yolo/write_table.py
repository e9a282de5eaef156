"""Numbers of a chunk's rows before they become text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.yolo.numbers import digits, enough_decimals, fifth_digits, format_rows
from dlgeom.errors import UsageError
from dlgeom.geometry.ragged import Rings, offsets_of
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["Scale", "Settings", "Table"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int8]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The writer's options, with their defaults filled in."""

    decimals: int | None = None
    fill_holes: bool = False
    drop_crowd: bool = False
    clip: bool = False
    score_last: bool = False
    measure: bool = False
    limits: Limits = DEFAULT_LIMITS

    @classmethod
    def of(
        cls,
        options: Mapping[str, Any],
        *,
        measure: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Settings:
        """Read the options of a run.

        Raises
        ------
        UsageError
            If a value is out of its range.
        """
        decimals = options.get("decimals")
        if decimals is not None and not 1 <= int(decimals) <= 9:
            raise UsageError(
                f"decimals is {decimals}; YOLO numbers have 1 to 9. Leave it out for 6"
            )
        return cls(
            decimals=None if decimals is None else int(decimals),
            fill_holes=options.get("yolo_holes", "bridge") == "fill",
            drop_crowd=options.get("yolo_crowd", "keep") == "drop",
            clip=options.get("yolo_clip", "none") == "image",
            score_last=options.get("yolo_score", "none") == "last",
            measure=measure,
            limits=limits,
        )


class Scale:
    """How many decimals each row's numbers have.

    Parameters
    ----------
    sizes : ndarray of int64, shape (N, 2)
        Width and height of each row's image.
    wanted : int, optional
        Decimals asked for; 6 or as many as tell fifths of a pixel apart if not given.
    """

    def __init__(self, sizes: Ints, wanted: int | None) -> None:
        sides = sizes.max(axis=1, initial=1)
        self.enough = np.full(len(sizes), 6, dtype=np.int8)
        for row in np.flatnonzero(sides >= 200_000).tolist():
            self.enough[row] = enough_decimals(int(sides[row]))
        self.rows = self.enough if wanted is None else np.full(len(sizes), wanted, dtype=np.int8)
        self.decimals = int(max(self.enough.max(initial=6), self.rows.max(initial=0)))
        self.uniform = bool((self.rows == self.decimals).all())

    def _spread(self, counts: Ints | int) -> tuple[Places, list[int]]:
        places = np.repeat(self.rows, counts)
        return places, np.unique(self.rows).tolist()

    def digits(self, values: Floats, counts: Ints | int) -> tuple[Ints, Places | None]:
        """Return digits (see `numbers.digits`) and the decimals shown, None for all.

        `counts` is how many of the values each row has.
        """
        if self.uniform:
            return digits(values, self.decimals), None
        places, kinds = self._spread(counts)
        numbers = np.zeros(len(values), dtype=np.int64)
        for kind in kinds:
            chosen = places == kind
            numbers[chosen] = digits(values[chosen], kind) * 10 ** (self.decimals - kind)
        return numbers, places

    def fifths(self, pixels: Floats, sizes: Floats, counts: Ints) -> tuple[Ints, Places | None]:
        """Return digits that keep each number in its fifth of a pixel; see `fifth_digits`.

        A number that too few decimals cannot keep there gets as many as it takes.
        """
        if self.uniform:
            return fifth_digits(pixels, sizes, self.decimals)[0], None
        places, kinds = self._spread(counts)
        enough = np.repeat(self.enough, counts)
        numbers = np.zeros(len(pixels), dtype=np.int64)
        for kind in kinds:
            chosen = np.flatnonzero(places == kind)
            found, failed = fifth_digits(pixels[chosen], sizes[chosen], kind)
            numbers[chosen] = found * 10 ** (self.decimals - kind)
            failed = chosen[failed]
            for more in np.unique(enough[failed]).tolist():
                again = failed[enough[failed] == more]
                found = fifth_digits(pixels[again], sizes[again], more)[0]
                numbers[again] = found * 10 ** (self.decimals - more)
                places[again] = more
        return numbers, places


class Table(msgspec.Struct, kw_only=True):
    """Rows of numbers.

    Parameters
    ----------
    numbers : ndarray of int64, shape (V,)
        Digits of all numbers (see `dlgeom.converters.yolo.numbers`).
    offsets : ndarray of int64, shape (N + 1,)
        Row i has ``numbers[offsets[i]:offsets[i + 1]]``; rows that are dropped have none.
    decimals : int
        Decimals that the digits hold.
    places : ndarray of int8, shape (V,), optional
        Decimals that are shown of each; all if not given.
    replaced : Rings, optional
        Where losses are measured: what stands for each row that is approximated.
    """

    numbers: Ints
    offsets: Ints
    decimals: int
    places: Places | None = None
    replaced: Rings | None = None

    @classmethod
    def of_blocks(cls, numbers: Ints, alive: NDArray[np.bool_], scale: Scale) -> Table:
        """Build from K numbers for each row that is written, shape (rows written, K)."""
        counts = np.where(alive, numbers.shape[1], 0)
        return cls(numbers=numbers.ravel(), offsets=offsets_of(counts), decimals=scale.decimals)

    def append(self, values: Floats, alive: NDArray[np.bool_]) -> None:
        """Put one more number, a fraction, at the end of each row that is written."""
        ends = self.offsets[1:][alive]
        extra = digits(values[alive], self.decimals)
        self.numbers = np.insert(self.numbers, ends, extra)
        if self.places is not None:
            self.places = np.insert(self.places, ends, np.int8(self.decimals))
        self.offsets = offsets_of(np.diff(self.offsets) + alive)

    def text(
        self, classes: NDArray[np.integer[Any]], alive: NDArray[np.bool_]
    ) -> tuple[bytes, Ints]:
        """Return the text of the rows and N + 1 offsets; dropped rows have no text."""
        if alive.all():
            return format_rows(
                classes, self.numbers, self.offsets, self.decimals, places=self.places
            )
        counts = np.diff(self.offsets)
        text, offsets = format_rows(
            classes[alive],
            self.numbers,
            offsets_of(counts[alive]),
            self.decimals,
            places=self.places,
        )
        lengths = np.zeros(len(alive), dtype=np.int64)
        lengths[alive] = np.diff(offsets)
        return text, offsets_of(lengths)
