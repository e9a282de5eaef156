"""Parts of a source with a file for each image: ranges of its list of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from dlgeom.converters.base import Meta, ReadContext, Reader
from dlgeom.converters.parallel.units import Cost, Cut, in_units
from dlgeom.labels import Label

__all__ = ["EntryPart", "cut_entries"]


class EntryPart(msgspec.Struct):
    """A range of files.

    Parameters
    ----------
    entries : list
        What the reader knows of each.
    first : int
        Place of the first one among all.
    shown : str
        The source, for messages.
    labels : list of Label
        The classes that are known when the part is handed out.
    once : object
        What the reader has told that it tells once.
    beside : object
        What else the reader has to know of these files.
    """

    entries: list[Any]
    first: int
    shown: str
    labels: list[Label]
    once: Any
    beside: Any = None

    @property
    def work(self) -> str:
        """What is read, for messages."""
        return f"{self.shown} (files {self.first}-{self.first + len(self.entries) - 1})"

    def open(self, meta: Meta, context: ReadContext, base: Any, number: int) -> Reader:
        """Return a reader of the part; `base` is that of the whole, without its files."""
        reader: Any = base.of_part(self.entries, self.first, meta, context, number)
        if self.once is not None:
            reader.once = self.once
        if self.beside is not None:
            reader.take_beside(self.beside)
        found: Reader = reader
        return found


def cut_entries(
    entries: Sequence[Any],
    window: int,
    cost: Cost,
    *,
    shown: str,
    reader: Any,
    context: ReadContext,
    base: Any,
    beside: Callable[[Sequence[Any]], Any] | None = None,
) -> Cut:
    """Cut a list of files.

    Parameters
    ----------
    entries : sequence
        One for each file.
    window : int
        How many the reader takes at once; parts are whole windows.
    cost : Cost
        Of an item.
    reader : Reader
        That of the whole.
    shown, context, base
        See `EntryPart` and `Cut`.
    beside : callable, optional
        Tells what else the reader has to know of some entries.
    """
    meta: Meta = reader.meta
    starts = range(0, len(entries), window)

    def make(first: int, last: int) -> EntryPart:
        chosen = list(entries[first:last])
        return EntryPart(
            chosen,
            first,
            shown,
            list(meta.labels),
            getattr(reader, "once", None),
            None if beside is None else beside(chosen),
        )

    makers: list[Callable[[], EntryPart]] = []
    for unit in in_units(starts, lambda _: cost.of(items=window)):
        makers.append(partial(make, unit[0], unit[-1] + window))  # noqa: PERF401
    # Image sets tell of all images; only a writer of the whole has a use for them.
    extra = {key: value for key, value in meta.extra.items() if key != "voc_sets"}
    return Cut(
        seconds=cost.of(items=len(entries)),
        makers=makers,
        meta=msgspec.structs.replace(meta, extra=extra),
        context=context,
        base=base,
        here=base,
        learns=True,
    )
