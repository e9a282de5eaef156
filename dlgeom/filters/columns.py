"""Columns of a chunk by the names of fields.

Numbers are arrays with NaN for what is not there. Everything else is coded: each distinct value
once, and which of them each row has; so a comparison costs as much as there are labels or images,
not rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.chunk import KEYPOINTS, OUTLINE, ROTATED, RUNS, Chunk
from dlgeom.chunk_objects import KEPT_AS_EXTRA
from dlgeom.filters.geometry import areas_of, boxes_of, points_of
from dlgeom.filters.tree import Field
from dlgeom.item import Item

__all__ = ["Coded", "Column", "Columns", "Memory", "Numbers"]

Floats = NDArray[np.float64]
Memory = dict[Field, dict[int, Any]]
"""What is known of images that came before: field -> number of the image -> value."""

_EDGES = {"left": 0, "top": 1, "right": 2, "bottom": 3}
_FLAGS = (False, True)
_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(Annotation)
    if field.name in KEPT_AS_EXTRA
}


class Coded(msgspec.Struct, frozen=True, eq=False):
    """Row i has the value ``values[codes[i]]``; None is no value."""

    values: Sequence[Any]
    codes: NDArray[np.integer[Any]]

    def take(self, rows: NDArray[np.integer[Any]]) -> Coded:
        """Return the chosen rows."""
        return Coded(self.values, self.codes[rows])

    def tolist(self) -> list[Any]:
        """Return the value of each row."""
        return [self.values[code] for code in self.codes.tolist()]

    def where(self, test: Callable[[Any], bool]) -> NDArray[np.bool_]:
        """Return which rows have a value that meets a test."""
        found = np.fromiter(map(test, self.values), dtype=np.bool_, count=len(self.values))
        result: NDArray[np.bool_] = found[self.codes]
        return result


class Numbers(msgspec.Struct, frozen=True, eq=False):
    """Numbers of the rows, NaN for none."""

    values: Floats

    def take(self, rows: NDArray[np.integer[Any]]) -> Numbers:
        """Return the chosen rows."""
        return Numbers(self.values[rows])

    def tolist(self) -> list[float | None]:
        """Return the value of each row."""
        return [None if value != value else value for value in self.values.tolist()]


Column = Coded | Numbers


def _coded(values: list[Any]) -> Coded:
    return Coded(values, np.arange(len(values)))


def follow(value: Any, path: Sequence[str]) -> Any:
    """Return what lies below a value, None for nothing; keys may have dots in them."""
    if not path:
        return value
    if isinstance(value, list | tuple):
        found = [follow(entry, path) for entry in value]
        there = [entry for entry in found if entry is not None]
        return there or None
    if not isinstance(value, dict):
        return None
    for count in range(len(path), 0, -1):
        key = ".".join(path[:count])
        if key in value:
            below = follow(value[key], path[count:])
            if below is not None:
                return below
    return None


class Columns:
    """Gives the columns of one chunk; each is made once.

    Parameters
    ----------
    chunk : Chunk
        The rows.
    memory : dict, optional
        For streams in which an image comes with its record first and without it later.
    """

    def __init__(self, chunk: Chunk, memory: Memory | None = None) -> None:
        self.chunk = chunk
        self._memory = memory
        self._rows: dict[Field, Column] = {}
        self._items: dict[Field, Column] = {}
        self._boxes: Floats | None = None

    def of_rows(self, field: Field) -> Column:
        """Return a field of all rows; those of images are spread over their rows."""
        if field.name.startswith("image."):
            return self.of_items(field).take(self.chunk.item)
        if field not in self._rows:
            self._rows[field] = self._row_column(field)
        return self._rows[field]

    def of_items(self, field: Field) -> Column:
        """Return a field of all images of the chunk."""
        if field not in self._items:
            self._items[field] = self._item_column(field)
        return self._items[field]

    # -- images -----------------------------------------------------------------------------

    def _item_column(self, field: Field) -> Column:
        items = self.chunk.items
        name = field.name.removeprefix("image.")
        if name in _NUMBERS:
            get = _NUMBERS[name]
            return Numbers(np.array([_nan(get(item)) for item in items], dtype=np.float64))
        if name in _TEXTS:
            return _coded([_TEXTS[name](item) for item in items])
        read = _metadata if name == "metadata" else _item_extra
        known = {} if self._memory is None else self._memory.setdefault(field, {})
        values = []
        for item in items:
            if item.number in known:
                values.append(known[item.number])
                continue
            value = follow(read(item), field.path)
            values.append(value)
            if self._memory is not None and item.number >= 0:
                known[item.number] = value
        return _coded(values)

    # -- annotations ------------------------------------------------------------------------

    def _row_column(self, field: Field) -> Column:
        chunk, name = self.chunk, field.name
        if name == "label":
            return Coded([*chunk.labels.names, None], chunk.label)
        if name == "type":
            return self._types()
        if name == "id":
            return self._ids()
        if name == "crowd":
            return Coded(_FLAGS, self._crowds().astype(np.int8))
        if name == "score":
            return Numbers(self._filled(chunk.score, "score"))
        if name in _EDGES:
            return Numbers(self.boxes[:, _EDGES[name]])
        if name in ("width", "height"):
            low = 0 if name == "width" else 1
            return Numbers(self.boxes[:, low + 2] - self.boxes[:, low])
        if name == "area":
            return Numbers(areas_of(chunk, self.boxes))
        if name == "angle":
            return Numbers(self._angles())
        if name in ("points", "keypoints", "parts", "holes"):
            return Numbers(points_of(chunk, name))
        if name == "attributes":
            return self._sparse(lambda row: follow(self._attributes(row), field.path))
        if name in ("metadata", "extra"):
            return self._sparse(lambda row: follow(self._below(row, name), field.path))
        return self._field(name)

    @property
    def boxes(self) -> Floats:
        """Left, top, right, bottom of each row, shape (N, 4)."""
        if self._boxes is None:
            self._boxes = boxes_of(self.chunk)
        return self._boxes

    def _types(self) -> Coded:
        chunk = self.chunk
        codes = np.full(len(chunk), 3)
        shapes = chunk.shapes
        # A box is any row that has bounds only; a class is one that draws nothing.
        codes[shapes == 0] = 4
        codes[(shapes & ROTATED) != 0] = 3
        codes[(shapes & RUNS) != 0] = 2
        codes[(shapes & OUTLINE) != 0] = 1
        codes[(shapes & KEYPOINTS) != 0] = 0
        values: list[Any] = ["pose", "segment", "binary", "box", "class"]
        for row, other in chunk.others.items():
            kind = other.type
            if kind not in values:
                values.append(kind)
            codes[row] = values.index(kind)
        return Coded(values, codes)

    def _ids(self) -> Coded:
        ids = list(self.chunk.ids)
        for row, other in self.chunk.others.items():
            if ids[row] is None:
                ids[row] = other.id
        return _coded(ids)

    def _crowds(self) -> NDArray[np.bool_]:
        crowds = self.chunk.crowd.copy()
        for row, other in self.chunk.others.items():
            crowds[row] |= other.crowd
        return crowds

    def _filled(self, column: Floats, name: str) -> Floats:
        """Return a column with what only the objects of rows say."""
        if not self.chunk.others:
            return column
        column = column.copy()
        for row, other in self.chunk.others.items():
            value = getattr(other, name)
            if np.isnan(column[row]) and value is not None:
                column[row] = value
        return column

    def _angles(self) -> Floats:
        angles = self.chunk.rotated[:, 4].copy()
        for row, other in self.chunk.others.items():
            value = other.angle
            angles[row] = np.nan if value is None else float(value)
        return angles

    # -- what is there for few rows ---------------------------------------------------------

    def _sparse(self, read: Callable[[int], Any]) -> Coded:
        """Return what `read` gives for each row that has anything."""
        chunk = self.chunk
        codes = np.zeros(len(chunk), dtype=np.int64)
        values: list[Any] = [None]
        for row in sorted({*chunk.attributes, *chunk.extra, *chunk.others}):
            value = read(row)
            if value is not None:
                codes[row] = len(values)
                values.append(value)
        return Coded(values, codes)

    def _attributes(self, row: int) -> Any:
        chunk = self.chunk
        if row in chunk.attributes:
            return chunk.attributes[row]
        names = chunk.extra.get(row, {}).get("attributes")
        if names is None and row in chunk.others:
            names = chunk.others[row].attributes
        # The older form is a list of names: those that are there.
        return dict.fromkeys(names, True) if isinstance(names, list) else names

    def _extra(self, row: int) -> dict[str, Any]:
        found: dict[str, Any] = self.chunk.extra.get(row, {})
        if not found and row in self.chunk.others:
            found = self.chunk.others[row].extra
        return found

    def _below(self, row: int, name: str) -> Any:
        if name == "extra":
            return self._extra(row)
        return self._get(row, "metadata")

    def _get(self, row: int, name: str) -> Any:
        """Return a field of the annotation that has no column."""
        chunk = self.chunk
        if name in chunk.extra.get(row, {}):
            return chunk.extra[row][name]
        if row in chunk.others:
            return getattr(chunk.others[row], name, None)
        return None

    def _field(self, name: str) -> Coded:
        found = self._sparse(lambda row: self._get(row, name))
        default = _DEFAULTS.get(name)
        return found if default is None else Coded([default, *found.values[1:]], found.codes)


def _nan(value: float | None) -> float:
    return np.nan if value is None else value


def _dir(item: Item) -> str | None:
    return None if item.name is None else item.name.strip("/").rpartition("/")[0]


def _file(item: Item) -> str | None:
    return None if item.name is None else item.name.strip("/").rpartition("/")[2]


def _name(item: Item) -> str | None:
    return None if item.name is None else item.name.strip("/")


def _metadata(item: Item) -> Any:
    return item.metadata


def _item_extra(item: Item) -> Any:
    return item.extra


_NUMBERS: dict[str, Callable[[Item], float | None]] = {
    "width": lambda item: item.width,
    "height": lambda item: item.height,
    "fps": lambda item: item.fps,
    "frames": lambda item: item.frame_count,
}
_TEXTS: dict[str, Callable[[Item], Any]] = {
    "name": _name,
    "dir": _dir,
    "file": _file,
    "id": lambda item: item.id,
    "subset": lambda item: item.subset,
    "media": lambda item: item.media,
    "kind": lambda item: ["file", item.media],
    "hidden": lambda item: False,
}
