"""Images whose size nobody knows, in front of a target that cannot do without.

One rule for all formats: their records are left out and told, the others are kept; where no image
has a size at all, the run stops and says how to give them. What is no image (a video, a file of
subtitles) needs no size where nothing of it is left to write: what the target cannot hold of it
has been dropped before.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError
from dlgeom.item import Item

__all__ = ["SizeFilter"]

_WIDTH, _HEIGHT = attrgetter("width"), attrgetter("height")
_HOW = "Name the folder of the images with --images"
_HOW_RESULTS = "Give the file with images and categories by --ground-truth FILE"


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
    results : bool
        Whether the source is a list of COCO results, which name no images.
    """

    def __init__(
        self,
        due: Literal["items", "rows", "no"],
        problems: Problems,
        *,
        copies: bool = False,
        results: bool = False,
    ) -> None:
        self._how = _HOW_RESULTS if results else _HOW
        self._due = due
        self._problems = problems
        self._copies = copies
        self._told: set[int] = set()
        self._no_images: set[int] = set()
        self._some = False
        self._first: str | None = None

    def _fine(self, item: Item) -> bool:
        return bool(item.width and item.height) or bool(self._copies and item.record)

    def __call__(self, chunk: Chunk) -> tuple[Chunk, NDArray[np.intp] | None]:
        """Return what the writer can take of a chunk, and which rows, None for all of them."""
        if self._due == "no":
            return chunk, None
        if chunk.items and all(map(_WIDTH, chunk.items)) and all(map(_HEIGHT, chunk.items)):
            self._some = True
            return chunk, None
        fine = [self._fine(item) for item in chunk.items]
        if all(fine):
            self._some = self._some or bool(fine)
            return chunk, None
        self._some = self._some or any(fine)
        keep = np.array(fine, dtype=np.bool_)
        bad = np.flatnonzero(~keep[chunk.item])
        for row in bad.tolist():
            item = chunk.items[int(chunk.item[row])]
            self._first = self._first or item.name
            self._problems.skipped(
                "image.size",
                f"image {item.name!r} has no known size, which the target needs. {self._how}",
                **chunk.where(row),
            )
        empty = ~keep & ~np.isin(np.arange(len(keep)), chunk.item[bad])
        other = empty & np.array([item.media != "image" for item in chunk.items], dtype=np.bool_)
        self._tell_others([chunk.items[k] for k in np.flatnonzero(other).tolist()])
        if self._due == "rows":
            # Images without records may stay; those that lost theirs would look empty.
            keep |= empty & ~other
        else:
            gone = np.flatnonzero(~keep & ~other).tolist()
            self._tell_images([chunk.items[k] for k in gone])
        place = np.cumsum(keep) - 1
        left = np.flatnonzero(keep[chunk.item])
        rows = chunk.select(left)
        small = msgspec.structs.replace(
            rows,
            items=[item for item, ok in zip(chunk.items, keep.tolist(), strict=True) if ok],
            item=place[rows.item].astype(np.int32),
            origin=msgspec.structs.replace(
                rows.origin,
                paths=[p for p, ok in zip(rows.origin.paths, keep.tolist(), strict=False) if ok],
            ),
        )
        return small, left

    def _tell_others(self, items: list[Item]) -> None:
        for item in items:
            if item.number not in self._no_images:
                self._no_images.add(item.number)
                self._problems.notice(
                    "image.format",
                    f"{item.name!r} is no image ({item.media}) and has no entry in the target, "
                    "which holds images",
                )

    def _tell_images(self, items: list[Item]) -> None:
        for item in items:
            if item.number not in self._told:
                self._told.add(item.number)
                self._first = self._first or item.name
                self._problems.repaired(
                    "image.size",
                    f"image {item.name!r} has no known size and is left out. {self._how}",
                )

    @property
    def seen(self) -> tuple[bool, str | None]:
        """Whether some image had a size, and the name of the first that had none."""
        return self._some, self._first

    def merge(self, some: bool, first: str | None) -> None:
        """Take what was seen of other images, see `seen`."""
        self._some = self._some or some
        self._first = self._first or first

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
                f"{self._how}",
                code="image.size",
            )
