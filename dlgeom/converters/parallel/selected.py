"""Parts of what a selection leaves of a data set: the source's, with the selection before them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.converters.base import Meta, ReadContext, Reader
from dlgeom.converters.parallel.units import Cut, Part
from dlgeom.converters.selection import SelectedReader, Selection
from dlgeom.labels import LabelTable

__all__ = ["SelectedPart", "cut_selected"]


class Chosen(msgspec.Struct):
    """What a worker has to know beside a part.

    Parameters
    ----------
    selection : Selection
        What is let through.
    meta, base
        As `Cut` of the source has them.
    """

    selection: Selection
    meta: Meta
    base: Any


class ChosenHere(msgspec.Struct):
    """The same for the process that was asked: `whole` settles the classes."""

    whole: SelectedReader
    meta: Meta
    base: Any


class SelectedPart(msgspec.Struct):
    """A part of the source.

    Parameters
    ----------
    part : Part
        As the source has it.
    """

    part: Any

    @property
    def work(self) -> str:
        """What is read, for messages."""
        work: str = self.part.work
        return work

    @property
    def once(self) -> Any:
        """What the reader has told that it tells once."""
        return getattr(self.part, "once", None)

    def open(self, meta: Meta, context: ReadContext, base: Any, number: int) -> Reader:
        """Return a reader of what is left of the part."""
        source, labels = base.meta, getattr(self.part, "labels", None)
        if isinstance(base, ChosenHere):
            return base.whole.of_part(self.part.open(source, context, base.base, number))
        if labels is not None:
            source = msgspec.structs.replace(source, labels=LabelTable(labels))
        reader = self.part.open(source, context, base.base, number)
        return SelectedReader(reader, base.selection, None, part=True)


def cut_selected(cut: Cut, whole: SelectedReader, selection: Selection) -> Cut:
    """Put a selection before all parts of a source.

    Parameters
    ----------
    cut : Cut
        The source.
    whole : SelectedReader
        The reader of what is left of all.
    selection : Selection
        What is let through.
    """

    def makers() -> Iterator[Callable[[], SelectedPart]]:
        for maker in cut.makers:
            yield partial(_made, maker)

    root = cut.meta.images_root
    # Workers may be in another folder.
    meta = msgspec.structs.replace(
        cut.meta, images_root=None if root is None else Path(os.path.abspath(root))
    )
    return msgspec.structs.replace(
        cut,
        makers=makers(),
        base=Chosen(selection, meta, cut.base),
        here=ChosenHere(whole, whole.source.meta, cut.here),
        around=whole.in_parts,
    )


def _made(maker: Callable[[], Part]) -> SelectedPart:
    return SelectedPart(maker())
