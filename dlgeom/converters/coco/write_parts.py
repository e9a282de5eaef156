r"""Parts of a COCO file that another process puts in their place: records without their ids.

Ids are running numbers, of which a part does not know the first. Their places in the text are
marked by NUL characters, which JSON never has: ``\0<number of the image in the part>\0`` and
``\0a\0`` for an annotation's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.coco.write_ids import Categories
from dlgeom.converters.output import Output

if TYPE_CHECKING:
    from dlgeom.converters.parallel.emit import Gathered

__all__ = ["PartFile", "PartRoot", "PartState", "texts_of", "with_ids"]

_OWN = msgspec.Raw(b"\0a\0")


class PartFile(msgspec.Struct):
    """What a part has for one file.

    Parameters
    ----------
    subset : str
        Its split.
    images, annotations : int
        How many ids they need.
    points : dict of int to int
        Label -> most keypoints of a record, where the label names fewer.
    """

    subset: str
    images: int
    annotations: int
    points: dict[int, int]


class PartState(msgspec.Struct):
    """What a part has for all files, and whether something in it has an id already."""

    wished: bool
    files: list[PartFile]


class PartRoot:
    """Stands for a file in a process that writes a part of it."""

    def __init__(self, subset: str) -> None:
        self._subset = subset
        self._pieces: dict[str, list[bytes]] = {"images": [], "annotations": []}
        self._images = self._annotations = 0

    def image_id(self) -> msgspec.Raw:
        """Return what stands for the id of the next image."""
        self._images += 1
        return msgspec.Raw(b"\0%d\0" % (self._images - 1))

    def annotation_ids(self, dropped: NDArray[np.bool_]) -> list[Any]:
        """Return what stands for the ids of rows; dropped ones use none up."""
        self._annotations += int(np.count_nonzero(~dropped))
        return [_OWN] * len(dropped)

    def add(self, key: str, records: bytes) -> None:
        """Take records, separated by commas."""
        if records:
            self._pieces[key].append(records)

    def finished(self, output: Output, categories: Categories) -> PartFile:
        """Write the texts, and return what is needed to put them in their place."""
        for key, pieces in self._pieces.items():
            output.write(key, b",\n".join(pieces))
        return PartFile(self._subset, self._images, self._annotations, categories.points)

    def finish(self, categories: bytes, *, always: bool) -> None:
        """Finish nothing: other parts follow."""


def texts_of(gathered: Gathered) -> Iterator[bytes] | None:
    """Return the texts that a part has written, in their order; None in a dry run."""
    if not gathered.spool:
        return iter([b""] * len(gathered.sizes)) if not sum(gathered.sizes) else None
    return _read(gathered)


def _read(gathered: Gathered) -> Iterator[bytes]:
    with open(gathered.spool, "rb") as spool:
        for size in gathered.sizes:
            yield spool.read(size)


def with_ids(text: bytes, images: Sequence[int], annotations: Sequence[int] | None = None) -> bytes:
    """Return the text of records with their ids.

    Parameters
    ----------
    text : bytes
        Records with marks.
    images : sequence of int
        Ids of the images of the part.
    annotations : sequence of int, optional
        Ids of the annotations; if given, each record has its own id and that of its image.
    """
    pieces = text.split(b"\0")
    names = [b"%d" % identifier for identifier in images]
    if annotations is None:
        pieces[1::2] = names
    elif len(pieces) > 1:
        pieces[1::4] = [b"%d" % identifier for identifier in annotations]
        pieces[3::4] = [names[place] for place in map(int, pieces[3::4])]
    return b"".join(pieces)
