"""From the objects of some files to the columns of one chunk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk, Origin
from dlgeom.converters.problems import Problems
from dlgeom.converters.voc.read_fast import FLAGS
from dlgeom.converters.voc.read_tree import Record, Ring
from dlgeom.geometry.ragged import offsets_of
from dlgeom.item import Item
from dlgeom.labels import LabelTable
from dlgeom.limits import Limits

__all__ = ["Columns", "plain_attributes"]

_NAN = (math.nan,) * 4
_NOTHING = ("", "", "", "")
_SHARED: dict[tuple[str, ...], dict[str, Any]] = {}


def plain_attributes(key: tuple[str, ...]) -> dict[str, Any]:
    """Return the attributes that (pose, truncated, occluded, difficult) stand for.

    What every file says of most objects (``Unspecified``, 0, nothing) is no attribute. The
    same dict is given out again; chunks are read-only.
    """
    found = _SHARED.get(key)
    if found is None:
        pose, *flags = key
        pose = pose.strip()
        found = {"pose": pose} if pose not in ("", "Unspecified") else {}
        found.update({name: True for name, flag in zip(FLAGS, flags, strict=True) if flag == "1"})
        if len(_SHARED) < 10_000:
            _SHARED[key] = found
    return found


class Columns:
    """Gathers rows until a chunk is full.

    Parameters
    ----------
    labels : LabelTable
        The run's labels; new names are added.
    problems : Problems
        Told of rows that are left out.
    limits : Limits
        ``coordinate`` and those of rings.
    base : int
        1 where the file counts pixels from 1, inclusively; 0 where values stand as they are.
    keep : bool
        Whether the text of the objects is kept.
    """

    def __init__(
        self, labels: LabelTable, problems: Problems, limits: Limits, *, base: int, keep: bool
    ) -> None:
        self._labels, self._problems, self._limits = labels, problems, limits
        self.base, self.keep = base, keep
        self._index: dict[str, int] = {}
        self.order = 0
        self.clear()

    def clear(self) -> None:
        """Forget all rows."""
        self.items: list[Item] = []
        self.paths: list[str] = []
        self.bytes = 0
        self._rows = 0
        self._counts: list[int] = []
        self._numbers: list[Sequence[int]] = []
        self._names: list[str] = []
        self._edges: list[Any] = []
        self._raw: list[str] = []
        self._attributes: dict[int, dict[str, Any]] = {}
        self._details: dict[int, Record] = {}
        self._runs: dict[int, tuple[NDArray[np.uint32], tuple[int, int]]] = {}
        self._segments: dict[int, dict[str, Any]] = {}
        self._others: dict[int, Any] = {}

    def __len__(self) -> int:
        return self._rows

    def start(self, item: Item, path: str) -> None:
        """Begin an item; the rows that follow are its."""
        self.items.append(item)
        self.paths.append(path)
        self._counts.append(0)

    def add_plain(self, objects: list[tuple[str, ...]]) -> None:
        """Add the objects of a file as `read_fast.OBJECT` groups them."""
        if not objects:
            return
        raw, names, poses, truncated, occluded, difficult, *edges, last = zip(*objects, strict=True)
        row = self._rows
        if any(last):
            difficult = tuple(a or b for a, b in zip(difficult, last, strict=True))
        for place, key in enumerate(zip(poses, truncated, occluded, difficult, strict=True)):
            if key != _NOTHING and (values := plain_attributes(key)):
                self._attributes[row + place] = values
        self._names += names
        self._edges += zip(*(map(float, side) for side in edges), strict=True)
        if self.keep:
            self._raw += raw
        self._close(range(len(objects)))

    def add_record(self, number: int, record: Record, raw: str) -> None:
        """Add one object that was read from its tree."""
        row = self._rows
        self._names.append(record.name)
        self._edges.append(record.box or _NAN)
        if self.keep:
            self._raw.append(raw if record.whole else "")
        if record.attributes:
            self._attributes[row] = record.attributes
        self._details[row] = record
        self._close((number,))

    def add_mask(
        self, name: str, counts: NDArray[np.uint32], shape: tuple[int, int], index: int
    ) -> None:
        """Add an object that only the masks have."""
        row = self._rows
        self._names.append(name)
        self._edges.append(_NAN)
        if self.keep:
            self._raw.append("")
        self._runs[row] = (counts, shape)
        self._segments[row] = {"segment": index}
        self._close((-1,))

    def add_tag(self, name: str, *, difficult: bool) -> None:
        """Add a class of the whole image."""
        from dlgeom.annotation import Annotation
        from dlgeom.definitions import Classification

        row = self._rows
        self._names.append(name)
        self._edges.append(_NAN)
        if self.keep:
            self._raw.append("")
        attributes = {"difficult": True} if difficult else {}
        if attributes:
            self._attributes[row] = attributes
        self._others[row] = Annotation(Classification(name, attributes))
        self._close((-1,))

    def give_mask(self, row: int, counts: NDArray[np.uint32], shape: tuple[int, int]) -> None:
        """Give a row of the item in work its mask."""
        self._runs[row] = (counts, shape)

    def _close(self, numbers: Sequence[int]) -> None:
        self._rows += len(numbers)
        self._counts[-1] += len(numbers)
        self._numbers.append(numbers)

    def rows_of_last(self) -> range:
        """Return the rows of the item in work."""
        return range(self._rows - self._counts[-1], self._rows)

    def numbers_of_last(self) -> dict[int, int]:
        """Return place in the XML -> row, of the item in work."""
        rows = self.rows_of_last()
        numbers: list[int] = []
        for block in reversed(self._numbers):
            if len(numbers) >= len(rows):
                break
            numbers[:0] = block
        return dict(zip(numbers, rows, strict=True))

    def name(self, row: int) -> str:
        """Return the class name of a row."""
        return self._names[row].strip()

    def rings(self, row: int) -> list[Ring]:
        """Return the rings of a row."""
        return self._details[row].rings if row in self._details else []

    def _label(self, name: str) -> int:
        clean = name.strip(" \t\r\n")
        if clean != name and clean:
            self._problems.notice(
                "text.trimmed", f"name {name[:40]!r} has blanks around it; they do not count"
            )
        index = self._labels.index(clean) if clean else -1
        self._index[name] = index
        return index

    def _label_column(self) -> NDArray[np.int32]:
        index = self._index
        for name in dict.fromkeys(self._names):
            if name not in index:
                self._label(name)
        return np.array([index[name] for name in self._names], dtype=np.int32)

    def chunk(self) -> Chunk:
        """Return the rows as a chunk, bad ones told and left out."""
        n = self._rows
        item = np.repeat(np.arange(len(self.items), dtype=np.int32), self._counts)
        numbers = np.fromiter(
            (k for block in self._numbers for k in block), dtype=np.int64, count=n
        )
        bounds = np.array(self._edges, dtype=np.float64).reshape(n, 4)
        if self.base:
            bounds[:, :2] -= 1.0
        origin = self._origin(numbers)
        label = self._label_column()
        bad = self._check(bounds, label, item, origin)
        chunk = Chunk.build(
            items=self.items,
            item=item,
            labels=self._labels,
            label=label,
            order=np.arange(self.order, self.order + n, dtype=np.int64),
            bounds=bounds,
            origin=origin,
            attributes=self._attributes,
            others=self._others,
        )
        if self._details or self._runs:
            from dlgeom.converters.voc.read_details import add_details

            bad |= add_details(
                chunk,
                self._details,
                self._runs,
                self._segments,
                self._told(chunk),
                self.base,
                self._limits,
            )
        chunk.shapes = chunk.shapes_of_columns()
        self.order += n
        self.clear()
        return chunk.select(np.flatnonzero(~bad)) if bad.any() else chunk

    def _told(self, chunk: Chunk) -> Any:
        def tell(how: str, row: int, code: str, message: str) -> None:
            getattr(self._problems, how)(code, message, **chunk.where(row))

        return tell

    def _origin(self, numbers: NDArray[np.int64]) -> Origin:
        spans, buffer = None, b""
        if self.keep:
            texts = [text.encode() for text in self._raw]
            ends = offsets_of([len(text) for text in texts])
            spans, buffer = np.stack([ends[:-1], ends[1:]], axis=1), b"".join(texts)
        return Origin(
            format="voc",
            paths=self.paths,
            unit="object[{}]",
            number=numbers,
            buffer=buffer,
            spans=spans,
        )

    def _check(
        self,
        bounds: NDArray[np.float64],
        label: NDArray[np.int32],
        item: NDArray[np.int32],
        origin: Origin,
    ) -> NDArray[np.bool_]:
        """Put corners in order and return which rows are bad; a few array passes for all."""
        left, top, right, bottom = bounds.T
        bad = label < 0
        limit = self._limits.coordinate
        size = np.array(
            [(entry.width or math.inf, entry.height or math.inf) for entry in self.items]
        ).reshape(-1, 2)[item]

        def where(row: int) -> dict[str, Any]:
            return {
                "path": self.paths[item[row]],
                "location": f"object[{int(origin.number[row])}]",
            }

        for row in np.flatnonzero(bad).tolist():
            self._problems.skipped(
                "type.text", "object's <name> is blank; it names the class", **where(row)
            )
        far = (np.abs(bounds) > limit + 1).any(axis=1) & ~bad
        for row in np.flatnonzero(far).tolist():
            self._problems.skipped(
                "number.range",
                f"box {_box_text(bounds[row])} leaves +/- {limit:g} pixels. "
                "Correct it, or raise --limit coordinate=N",
                **where(row),
            )
        bad |= far
        for low, high in ((left, right), (top, bottom)):
            swapped = (low > high) & ~bad
            for row in np.flatnonzero(swapped).tolist():
                self._problems.repaired(
                    "geometry.normalised",
                    f"corners of box {_box_text(bounds[row])} are in the wrong order; "
                    "min is not above max. They were put in order",
                    **where(row),
                )
            low[swapped], high[swapped] = high[swapped], low[swapped]
        flat = ((left == right) | (top == bottom)) & ~bad
        for row in np.flatnonzero(flat).tolist():
            self._problems.notice(
                "geometry.bbox_size",
                f"box {_box_text(bounds[row])} has no area; it is kept",
                **where(row),
            )
        wide = np.minimum(right, size[:, 0]) - np.maximum(left, 0)
        high_ = np.minimum(bottom, size[:, 1]) - np.maximum(top, 0)
        outside = (wide < 0) | (high_ < 0) | ((wide == 0) & (right > left))
        outside = (outside | ((high_ == 0) & (bottom > top))) & ~bad
        for row in np.flatnonzero(outside).tolist():
            self._problems.skipped(
                "geometry.outside_image",
                f"box {_box_text(bounds[row])} lies outside of the image of "
                f"{size[row, 0]:g} x {size[row, 1]:g}. Correct the box or the size",
                **where(row),
            )
        return np.asarray(bad | outside)


def _box_text(box: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box.tolist()) + ")"
