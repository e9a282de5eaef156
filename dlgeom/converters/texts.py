"""A list of very many short texts: packed in memory, and on disk past a share."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dlgeom.converters.tables import Heap

__all__ = ["Texts", "taken"]

_AT_ONCE = 1 << 14
# File names of JSON may hold halves of surrogate pairs, which are told of later.
_ERRORS = "surrogatepass"


class Texts(Sequence[str]):
    """A list that is appended to; 8 bytes for each text, and the text itself.

    Parameters
    ----------
    share : int
        Bytes of text that may be in memory.

    Examples
    --------
    >>> texts = Texts(1 << 20)
    >>> texts.append("a.png")
    >>> texts += ["b.png", "c.png"]
    >>> texts[1], texts[1:], len(texts)
    ('b.png', ['b.png', 'c.png'], 3)
    """

    __slots__ = ("_ends", "_heap", "_memory", "_share")

    def __init__(self, share: int) -> None:
        self._share = share
        self._ends = array("q", [0])
        self._memory = bytearray()
        self._heap: Heap | None = None

    def append(self, text: str) -> None:
        """Add a text."""
        self += (text,)

    def __iadd__(self, texts: Iterable[str]) -> Self:
        encoded = [text.encode("utf-8", _ERRORS) for text in texts]
        sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
        self._ends.frombytes((np.cumsum(sizes) + self._ends[-1]).tobytes())
        data = b"".join(encoded)
        if self._heap is None and len(self._memory) + len(data) > self._share:
            from dlgeom.converters.tables import Heap

            self._heap = Heap()
            self._heap.append(bytes(self._memory))
            self._memory = bytearray()
        if self._heap is None:
            self._memory += data
        else:
            self._heap.append(data)
        return self

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _read(self, start: int, stop: int) -> bytes:
        if self._heap is None:
            return bytes(memoryview(self._memory)[start:stop])
        return self._heap.read(start, stop - start)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        """Return a text, or a list of some."""
        chosen = range(len(self))[place]
        if isinstance(chosen, int):
            return self._read(self._ends[chosen], self._ends[chosen + 1]).decode("utf-8", _ERRORS)
        if chosen.step != 1:
            return [self[k] for k in chosen]
        return self._run(chosen.start, max(chosen.start, chosen.stop))

    def _run(self, first: int, last: int) -> list[str]:
        ends = self._ends[first : last + 1].tolist()
        low = ends[0]
        data = self._read(low, ends[-1])
        if data.isascii():
            text = data.decode()
            return [text[a - low : b - low] for a, b in itertools.pairwise(ends)]
        return [
            data[a - low : b - low].decode("utf-8", _ERRORS) for a, b in itertools.pairwise(ends)
        ]

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _AT_ONCE):
            yield from self[first : first + _AT_ONCE]

    def take(self, rows: NDArray[np.integer[Any]]) -> list[str]:
        """Return texts at any places."""
        if not len(rows):
            return []
        low, high = int(rows[0]), int(rows[-1])
        if high - low == len(rows) - 1 and (np.diff(rows) == 1).all():
            return self[low : high + 1]
        return [self[row] for row in rows.tolist()]


def taken(texts: Sequence[str | None], rows: NDArray[np.integer[Any]]) -> list[Any]:
    """Return texts of a list of any kind."""
    if isinstance(texts, Texts):
        return texts.take(rows)
    return [texts[row] for row in rows.tolist()]
