"""Images whose size nobody knows, in front of a target that cannot do without.

One rule for all formats: their records are left out and told, the others are kept; where no image
has a size at all, the run stops and says how to give them.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from dlgeom.chunk import Chunk
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError
from dlgeom.item import Item

__all__ = ["SizeFilter"]

_HOW = "Name the folder of the images with --images"


class SizeFilter:
    """Takes images without a size out of a stream.

    Parameters
    ----------
    due : {"items", "rows", "no"}
        What the writer needs a size for: each image, images with records, none.
    problems : Problems
        Told of each record and image that is left out; strict raises.
    copies : bool
        Whether images that keep the text of their record are fine.
    """

    def __init__(
        self, due: Literal["items", "rows", "no"], problems: Problems, *, copies: bool = False
    ) -> None:
        self._due = due
        self._problems = problems
        self._copies = copies
        self._told: set[int] = set()
        self._some = False
        self._first: str | None = None

    def _fine(self, item: Item) -> bool:
        return bool(item.width and item.height) or bool(self._copies and item.record)

    def __call__(self, chunk: Chunk) -> Chunk:
        """Return the chunk without what the writer cannot take."""
        if self._due == "no":
            return chunk
        fine = [self._fine(item) for item in chunk.items]
        if all(fine):
            self._some = self._some or bool(fine)
            return chunk
        self._some = self._some or any(fine)
        keep = np.array(fine, dtype=np.bool_)
        bad = np.flatnonzero(~keep[chunk.item])
        for row in bad.tolist():
            item = chunk.items[int(chunk.item[row])]
            self._first = self._first or item.name
            self._problems.skipped(
                "image.size",
                f"image {item.name!r} has no known size, which the target needs. {_HOW}",
                **chunk.where(row),
            )
        if self._due == "rows":
            # Images without records may stay; those that lost theirs would look empty.
            keep |= ~np.isin(np.arange(len(keep)), chunk.item[bad])
        else:
            self._tell_images([item for item, ok in zip(chunk.items, fine, strict=True) if not ok])
        place = np.cumsum(keep) - 1
        rows = chunk.select(np.flatnonzero(keep[chunk.item]))
        return msgspec.structs.replace(
            rows,
            items=[item for item, ok in zip(chunk.items, keep.tolist(), strict=True) if ok],
            item=place[rows.item].astype(np.int32),
            origin=msgspec.structs.replace(
                rows.origin,
                paths=[p for p, ok in zip(rows.origin.paths, keep.tolist(), strict=False) if ok],
            ),
        )

    def _tell_images(self, items: list[Item]) -> None:
        for item in items:
            if item.number not in self._told:
                self._told.add(item.number)
                self._first = self._first or item.name
                self._problems.repaired(
                    "image.size",
                    f"image {item.name!r} has no known size and is left out. {_HOW}",
                )

    def finish(self) -> None:
        """Refuse a run in which no image had a size.

        Raises
        ------
        FormatError
            ``image.size``.
        """
        if self._first is not None and not self._some:
            raise FormatError(
                f"no image has a known size, {self._first!r} for one, which the target needs. "
                f"{_HOW}",
                code="image.size",
            )
