"""How large the parts of a data set are: worth the message that hands one out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from dlgeom.converters.base import Meta, ReadContext, Reader

__all__ = ["LEAST", "SECONDS", "Cost", "Cut", "Part", "enough", "in_units"]

SECONDS = 0.4
"""Work of one part, about."""

LEAST = 1.5
"""Work from which on it pays to start processes for it."""

T = TypeVar("T")


class Cost(msgspec.Struct, frozen=True):
    """Seconds that things take, about, on a machine of today."""

    item: float = 0.0
    row: float = 0.0
    byte: float = 0.0

    def of(self, *, items: int = 0, rows: int = 0, size: int = 0) -> float:
        """Return the seconds for so many images, records and bytes."""
        return items * self.item + rows * self.row + size * self.byte


class Part(Protocol):
    """A range of a source, told to another process; picklable."""

    @property
    def work(self) -> str:
        """What is read, for messages."""
        ...

    def open(self, meta: Meta, context: ReadContext, base: Any, number: int) -> Reader:
        """Return a reader of the part: it yields chunks as that of the whole does.

        Parameters
        ----------
        meta, context, base
            As `Cut` has them.
        number : int
            Number of the first image, where the part does not know it.
        """
        ...


class Cut(msgspec.Struct):
    """A source as parts, in its order.

    Parameters
    ----------
    seconds : float
        What all of them take one process, about.
    makers : iterable of callable
        Each makes one part, in order; together they would hold the index twice.
    meta : Meta
        That of the source, without what only its whole needs.
    context : ReadContext
        That of the reader.
    base : object
        What is the same for all parts and more than `meta` says.
    here : object
        As `base`, for parts that this process does.
    learns : bool
        Whether classes are found as the source is read; the first part is done here then.
    around : callable
        Gives a context in which all parts are done.
    """

    seconds: float
    makers: Iterable[Callable[[], Any]]
    meta: Meta
    context: ReadContext
    base: Any = None
    here: Any = None
    learns: bool = False
    around: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext


def in_units(chunks: Iterable[T], cost: Callable[[T], float]) -> Iterator[list[T]]:
    """Put neighbours together until they are worth a message.

    Parameters
    ----------
    chunks : iterable
        In the order of the source.
    cost : callable
        Seconds that one takes.
    """
    held: list[T] = []
    sum_held = 0.0
    for chunk in chunks:
        held.append(chunk)
        sum_held += cost(chunk)
        if sum_held >= SECONDS:
            yield held
            held, sum_held = [], 0.0
    if held:
        yield held


def enough(seconds: float) -> bool:
    """Whether so much work is worth other processes."""
    return seconds >= LEAST
