"""Many raw JSON values as one text: to make a string of each takes four times as long."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Joined"]


class Joined:
    """The values of a column, at least one, one after the other, each with a NUL behind it.

    Parameters
    ----------
    raws : sequence of Raw
        Their text; that of length 0 stands for none.

    Attributes
    ----------
    separable : bool
        Whether they can be told apart. If not, a text has a NUL in it and is no JSON; nothing
        else is set then.
    rows : ndarray of int64, shape (K,)
        Those that have a value.
    lengths : ndarray of int64, shape (K,)
        Bytes of each value.
    first : ndarray of uint8, shape (K,)
        First character of each value, which tells its type.
    """

    def __init__(self, raws: Sequence[msgspec.Raw]) -> None:
        self._text = b"\0".join(raws) + b"\0"
        self._count = len(raws)
        letters = np.frombuffer(self._text, dtype=np.uint8)
        stops = np.flatnonzero(letters == 0)
        self.separable = len(stops) == len(raws)
        if not self.separable:
            return
        lengths = np.diff(stops, prepend=-1) - 1
        self.rows = np.flatnonzero(lengths)
        self.lengths = lengths[self.rows]
        self._starts = stops[self.rows] - self.lengths
        self.first = letters[self._starts]

    def quotes(self) -> int:
        """Return the number of quotes in all of them."""
        return int(np.count_nonzero(np.frombuffer(self._text, dtype=np.uint8) == ord('"')))

    def texts(self, chosen: NDArray[np.int64]) -> list[bytes]:
        """Return the chosen values, by their index in `rows`."""
        starts = self._starts[chosen]
        stops = starts + self.lengths[chosen]
        return [self._text[a:b] for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]

    def joined(self, chosen: NDArray[np.int64]) -> bytes:
        """Return the chosen values as one text, each with a NUL behind it."""
        if len(chosen) == self._count:
            return self._text
        # Most are next to each other.
        starts = self._starts[chosen]
        stops = starts + self.lengths[chosen] + 1
        apart = starts[1:] != stops[:-1]
        starts = np.concatenate([starts[:1], starts[1:][apart]])
        stops = np.concatenate([stops[:-1][apart], stops[-1:]])
        pieces = zip(starts.tolist(), stops.tolist(), strict=True)
        return b"".join([self._text[a:b] for a, b in pieces])
