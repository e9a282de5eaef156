"""The ``images`` of a COCO file: ids, safe names, sizes, where each record lies."""

from __future__ import annotations

import itertools
import json
import math
import os
import posixpath
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.layout import url_name
from dlgeom.converters.coco.read_bulk import needs_care, repeats_keys
from dlgeom.converters.coco.read_columns import Column, id_column, id_list
from dlgeom.converters.coco.read_ids import IdMap, last_id
from dlgeom.converters.coco.read_joined import Joined
from dlgeom.converters.coco.read_json import checked_object, strict_json
from dlgeom.converters.coco.read_shapes import BIG
from dlgeom.converters.coco.scan import Scanner, Window, record_places
from dlgeom.converters.images import ImageFolder, image_info
from dlgeom.converters.named import NameSet
from dlgeom.converters.names import safe_name
from dlgeom.converters.texts import Texts, taken
from dlgeom.errors import DlgeomError, FormatError, LimitError
from dlgeom.item import Item

__all__ = ["IMAGES", "ImageFinder", "ImageTable", "read_images"]

Ints = NDArray[np.int32]
NONE = msgspec.Raw(b"")
_PLAIN_NAMES = re.compile(r"(?:[0-9A-Za-z_-]{5,80}\.[0-9A-Za-z]{1,5}\n)*+")
CHECKED_SIZES = 200
NAMES_AT_ONCE = 1 << 14
NO_SIZES = np.zeros((0, 2), dtype=np.int64)


class _Image(msgspec.Struct, gc=False):
    """The fields of the official files; those that no column needs stay text."""

    id: int | str | None = None
    file_name: str | None = None
    width: int | None = None
    height: int | None = None
    license: msgspec.Raw = NONE
    coco_url: msgspec.Raw = NONE
    flickr_url: msgspec.Raw = NONE
    date_captured: msgspec.Raw = NONE


IMAGES = msgspec.json.Decoder(list[_Image])
_RAW_DICTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


class ImageFinder:
    """Finds the image of an item in the folders where such data sets keep them."""

    def __init__(self, folders: list[Path], images: Path | None) -> None:
        self._folders = folders
        self._there: list[str] | None = None
        self._images = None if images is None else ImageFolder(images)

    def find(self, name: str) -> Path | None:
        """Return the file, or None; links are not followed."""
        if self._images is not None:
            return self._images.find(name)
        if self._there is None:
            self._there = [str(folder) for folder in self._folders if folder.is_dir()]
        for folder in self._there:
            path = os.path.join(folder, name)
            try:
                if stat.S_ISREG(os.lstat(path).st_mode):
                    return Path(path)
            except (OSError, ValueError):
                continue
        return None


class ImageTable:
    """The distinct images of one file, and the sequence of its records.

    Attributes
    ----------
    ids : ndarray of int64 or list
    names : list of str or None, or Texts
    width, height : ndarray of int64
        0 where not known.
    start, length : ndarray of int64
        Place of each image's record in the file.
    records : ndarray of int32, or None
        Image of each record in file order, where records are repeated.
    numbers : ndarray of int64, or None
        Number of each image among those of the split, where they do not follow one another.
    """

    def __init__(self) -> None:
        self.ids: Column = np.zeros(0, dtype=np.int64)
        self.names: Sequence[str | None] = []
        self.width: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.height: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.start: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.length: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.records: NDArray[np.int32] | None = None
        self.numbers: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def last_id(self) -> int:
        """Return the greatest integer among the ids, 0 if none is above."""
        return last_id(self.ids)

    def finder(self) -> IdMap:
        """Return what finds images by their ids."""
        return IdMap(self.ids)

    def sizes(self, rows: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return width and height of images; anything for -1."""
        if not len(self):
            nothing = np.zeros(len(rows), dtype=np.int64)
            return nothing, nothing
        return self.width[rows], self.height[rows]

    def part(self, first: int, last: int) -> ImageTable:
        """Return images that follow one another."""
        part = ImageTable()
        part.ids, part.names = self.ids[first:last], self.names[first:last]
        for name in ("width", "height", "start", "length"):
            setattr(part, name, getattr(self, name)[first:last])
        return part

    def picked(self, rows: Ints) -> tuple[ImageTable, Ints]:
        """Return a table in memory that has these images, and their places in it."""
        return self, rows

    def items(self, rows: NDArray[np.integer[Any]], first: int, subset: str | None) -> list[Item]:
        """Return items without their records; image k has number ``first + k``."""
        picked = rows.tolist()
        ids = (
            self.ids[rows].tolist()
            if isinstance(self.ids, np.ndarray)
            else [self.ids[row] for row in picked]
        )
        numbers = self.numbers
        return [
            Item(
                name=name,
                width=width or None,
                height=height or None,
                id=identifier,
                subset=subset,
                number=first + (row if numbers is None else int(numbers[row])),
            )
            for row, name, identifier, width, height in zip(
                picked,
                taken(self.names, rows),
                ids,
                self.width[rows].tolist(),
                self.height[rows].tolist(),
                strict=True,
            )
        ]


class _Fields:
    """The fields of decoded records as columns."""

    def __init__(self, rows: list[_Image]) -> None:
        fields = list(zip(*map(msgspec.structs.astuple, rows), strict=True))
        self.id, self.name, self.width, self.height, *self._raws = fields
        self._rows = len(rows)

    def quotes(self) -> tuple[int, bytes]:
        """Return how many quotes these explain, and the fields that are raw and no text.

        The number is -1 where that cannot be told.
        """
        rest: list[bytes] = []
        # Texts have two themselves, and so has the key of each field.
        total = 4 * (self._rows - self.name.count(None))
        total += 2 * sum(type(value) is str for value in self.id)
        for values in (self.id, self.width, self.height):
            total += 2 * (self._rows - values.count(None))
        for raws in self._raws:
            if raws.count(NONE) == self._rows:
                continue
            joined = Joined(raws)
            if not joined.separable:
                return -1, b""
            total += 2 * len(joined.rows) + joined.quotes()
            rest += joined.texts(np.flatnonzero(joined.first != ord('"')))
        return total, b" ".join(rest)

    def are_plain(self) -> bool:
        """Whether every record has an id, a name and a size."""
        return not any(None in column for column in (self.id, self.name, self.width, self.height))


class _Reader:
    """Collects the windows of the ``images`` list."""

    def __init__(self, scanner: Scanner, context: ReadContext, finder: ImageFinder) -> None:
        self._scanner = scanner
        self._context = context
        self._finder = finder
        self._shown = scanner.source.shown
        self.number = 0
        self.ids: list[Column] = []
        self.names = Texts(context.limits.index_bytes // 8)
        self.sizes: list[NDArray[np.int64]] = []
        self.places: list[NDArray[np.int64]] = []

    def _error(self, code: str, why: str, number: int, field: str = "") -> FormatError:
        kind = LimitError if code.startswith("limit.") else FormatError
        return kind(why, code=code, path=self._shown, location=f"images[{number}]{field}")

    def window(self, window: Window) -> None:
        """Take the records of one window."""
        scanner = self._scanner
        rows = window.rows
        if window.spans is not None:
            table = np.array(window.spans, dtype=np.int64).reshape(-1, 2)
            starts, stops = table[:, 0], table[:, 1]
        else:
            starts, stops = record_places(window.text, len(rows or ()), scanner.limits.depth)
        self.places.append(np.column_stack((starts + window.start, stops - starts)))
        doubtful = fields = None
        if rows and b"\\u" not in window.text:
            fields = _Fields(rows)
            doubtful = self._doubtful(window, fields)
        if fields is not None and doubtful == set() and fields.are_plain():
            self.ids.append(id_column(fields.id))
            self.names += fields.name
            self.sizes.append(self._size_column(fields.width, fields.height))
        else:
            some = [] if rows is None or doubtful is None else rows
            self._one_by_one(window.text, starts, stops, some, doubtful or set())
        self.number += len(starts)

    def _one_by_one(
        self,
        text: bytes,
        starts: NDArray[np.int64],
        stops: NDArray[np.int64],
        rows: list[_Image],
        doubtful: set[int],
    ) -> None:
        """Take records of which some have to be read with care; all where there are no `rows`."""
        ids: list[Any] = []
        names: list[Any] = []
        sizes: list[tuple[Any, Any]] = []
        for index, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
            row = rows[index] if rows else None
            if row is None or index in doubtful or not _is_plain(row):
                found = self._careful(text[start:stop], self.number + index)
                ids.append(found[0])
                names.append(found[1])
                sizes.append(found[2])
            else:
                ids.append(row.id)
                names.append(row.file_name)
                sizes.append((row.width, row.height))
        self.ids.append(id_column(ids))
        self.names += names
        self.sizes.append(self._size_column(*zip(*sizes, strict=True)) if sizes else NO_SIZES)

    def _size_column(self, widths: Sequence[int], heights: Sequence[int]) -> NDArray[np.int64]:
        count = len(widths)
        try:
            sides = [np.fromiter(side, np.int64, count) for side in (widths, heights)]
        except OverflowError:
            for place, size in enumerate(zip(widths, heights, strict=True)):
                if max(size) >= 1 << 63 or min(size) < -(1 << 63):
                    raise self._error(
                        "image.size",
                        f"size is {size[0]} x {size[1]}",
                        self.number + place,
                    ) from None
            raise
        return np.column_stack(sides)

    def _doubtful(self, window: Window, fields: _Fields) -> set[int] | None:
        """Return the records with values to look into; None where keys repeat or are escaped."""
        text = window.text
        quotes = int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == ord('"')))
        explained, rest = fields.quotes()
        if quotes == explained and b"{" not in rest and not needs_care(rest):
            return set()
        try:
            records = _RAW_DICTS.decode(b"[" + text + b"]")
        except (msgspec.DecodeError, RecursionError):
            return None
        explained = 2 * sum(map(len, records))
        raws = [bytes(raw) for record in records for raw in record.values()]
        if quotes != explained + b"".join(raws).count(b'"'):
            return None
        owners = [row for row, record in enumerate(records) for _ in record]
        found = set(itertools.compress(owners, repeats_keys(raws)))
        found.update(row for row, raw in zip(owners, raws, strict=True) if needs_care(raw))
        return found

    def _careful(self, raw: bytes, number: int) -> tuple[Any, str, tuple[int, int]]:
        """Read id, name and size of one record with every check; a fault is the file's."""
        try:
            record = checked_object(raw, "an image", self._context.limits.depth)
        except FormatError as error:
            raise self._error(error.code, error.message, number) from error
        identifier = record.get("id")
        if type(identifier) is float and identifier.is_integer():
            identifier = int(identifier)
        if type(identifier) not in (int, str):
            code = "schema.field" if identifier is None else "type.id"
            raise self._error(
                code, "has no usable id; ids are integers or text. Correct it", number, ".id"
            )
        name = record.get("file_name")
        if "file_name" not in record:
            name = url_name(record.get("coco_url"))
            if name is None:
                raise self._error(
                    "schema.field", "has no file_name; an image needs one. Add it", number
                )
        if not isinstance(name, str):
            raise self._error(
                "type.text",
                f"file_name is {json.dumps(name)[:40]}; it is text. Correct it",
                number,
                ".file_name",
            )
        return identifier, name, self._size(record, name, number)

    def _size(self, record: dict[str, Any], name: str, number: int) -> tuple[int, int]:
        sides: list[int] = []
        wrong = ""
        for field in ("width", "height"):
            value = record.get(field)
            if type(value) is float and not math.isfinite(value):
                raise self._error(
                    "number.not_finite", f"{field} is {value}; sizes are finite", number
                )
            if type(value) is float and value.is_integer():
                value = int(value)
            if type(value) is int and value < BIG:
                sides.append(value)
            elif field in record:
                wrong = f"{field} is {json.dumps(value)[:40]}; it is a number of pixels"
        if len(sides) == 2:
            return sides[0], sides[1]
        return self._size_of_file(name, number, wrong)

    def _size_of_file(self, name: str, number: int, wrong: str) -> tuple[int, int]:
        path = None
        try:
            path = self._finder.find(safe_name(name, limits=self._context.limits)[0])
        except FormatError:
            path = None
        if path is None:
            if wrong:
                raise self._error(
                    "type.number", f"{wrong}. Correct it, or name the images' folder", number
                )
            return -1, -1
        info = image_info(path, limits=self._context.limits, shown=name)
        if wrong:
            self._context.problems.repaired(
                "type.number",
                f"{wrong}. The size is taken from the image, {info.width} x {info.height}",
                path=self._shown,
                location=f"images[{number}]",
            )
        return info.width, info.height


def _is_plain(row: _Image) -> bool:
    return (
        row.id is not None
        and row.file_name is not None
        and row.width is not None
        and row.height is not None
    )


def read_images(
    scanner: Scanner, windows: Iterator[Window], context: ReadContext, finder: ImageFinder
) -> ImageTable:
    """Read the ``images`` list.

    Raises
    ------
    FormatError
        For any image that cannot be trusted; one id with differing records.
    """
    reader = _Reader(scanner, context, finder)
    for window in windows:
        reader.window(window)
    table = ImageTable()
    sizes = np.concatenate([NO_SIZES, *reader.sizes])
    places = np.concatenate([NO_SIZES, *reader.places])
    bad = np.flatnonzero((sizes == 0).any(axis=1) | (sizes < -1).any(axis=1))
    if len(bad):
        width, height = sizes[bad[0]].tolist()
        raise reader._error(
            "image.size",
            f"size is {width} x {height}; an image has at least one pixel. Correct it",
            int(bad[0]),
        )
    table.ids = _joined_ids(reader.ids)
    reader.ids.clear()
    table.names = _safe_names(reader, context)
    table.width, table.height = np.maximum(sizes, 0).T.copy()
    table.start, table.length = places.T.copy()
    _fold_repeats(table, reader, scanner, context)
    _check_files(table, reader, context, finder)
    return table


def _joined_ids(columns: list[Column]) -> Column:
    arrays = [column for column in columns if isinstance(column, np.ndarray)]
    if len(arrays) == len(columns):
        return np.concatenate([np.zeros(0, dtype=np.int64), *arrays])
    return [value for column in columns for value in id_list(column)]


def _are_plain(names: Texts) -> bool:
    for first in range(0, len(names), NAMES_AT_ONCE):
        joined = "\n".join(names[first : first + NAMES_AT_ONCE]) + "\n"
        found = _PLAIN_NAMES.match(joined)
        if not found or found.end() != len(joined):
            return False
    return True


def _safe_names(reader: _Reader, context: ReadContext) -> Texts:
    names = reader.names
    # No plain name is as long as the limits, if these were not lowered.
    roomy = min(context.limits.path_component, context.limits.path) >= 100
    if roomy and _are_plain(names):
        return names
    clean = Texts(context.limits.index_bytes // 8)
    waiting: list[str] = []
    for number, name in enumerate(names):
        try:
            safe, note = safe_name(name, limits=context.limits)
        except FormatError as error:
            raise reader._error(error.code, error.message, number, ".file_name") from error
        if note:
            what = "is read as" if note == "path.normalised" else "cannot be a file on all systems:"
            context.problems.warning(
                note,
                f"file_name {name!r} {what} {safe!r}",
                path=reader._shown,
                location=f"images[{number}].file_name",
            )
        waiting.append(safe)
        if len(waiting) == NAMES_AT_ONCE:
            clean += waiting
            waiting.clear()
    clean += waiting
    _refuse_file_and_folder(clean, reader)
    return clean


def _refuse_file_and_folder(names: Texts, reader: _Reader) -> None:
    folders = NameSet()
    last = ""
    for name in names:
        parent = posixpath.dirname(name)
        if parent == last:
            continue
        last = parent
        while parent and parent.casefold() not in folders:
            folders.add(parent.casefold())
            parent = posixpath.dirname(parent)
    if not folders:
        return
    for first in range(0, len(names), NAMES_AT_ONCE):
        folded = [name.casefold() for name in names[first : first + NAMES_AT_ONCE]]
        if folders.isdisjoint(set(folded)):
            continue
        number = first + next(k for k, name in enumerate(folded) if name in folders)
        raise reader._error(
            "path.collision",
            f"file_name {names[number]!r} is also a folder of another image; one name cannot be "
            "both. Rename it",
            number,
            ".file_name",
        )


def _fold_repeats(
    table: ImageTable, reader: _Reader, scanner: Scanner, context: ReadContext
) -> None:
    """Keep each image once; identical repeats are remembered, differing ones refused."""
    first = IdMap(table.ids).find(table.ids)
    repeated = np.flatnonzero(first != np.arange(len(first)))
    if not len(repeated):
        return
    source = scanner.source
    for row in repeated.tolist():
        original = int(first[row])
        spans = [(int(table.start[k]), int(table.length[k])) for k in (original, row)]
        one, two = source.gather(spans)
        if one != two and strict_json(one) != strict_json(two):
            raise reader._error(
                "ref.duplicate_id",
                f"image id {table.ids[row]!r} is that of images[{original}] too, and the records "
                "differ. Give each image its own id",
                row,
            )
    context.problems.notice(
        "record.duplicate",
        f"{len(repeated)} image records repeat an earlier one; each image is read once",
        path=reader._shown,
        location=f"images[{int(repeated[0])}]",
    )
    keep = np.flatnonzero(first == np.arange(len(first)))
    position = np.cumsum(first == np.arange(len(first))) - 1
    table.records = position[first].astype(np.int32)
    table.ids = (
        table.ids[keep]
        if isinstance(table.ids, np.ndarray)
        else [table.ids[k] for k in keep.tolist()]
    )
    names = Texts(context.limits.index_bytes // 8)
    for begin in range(0, len(keep), NAMES_AT_ONCE):
        names += taken(table.names, keep[begin : begin + NAMES_AT_ONCE])
    table.names = names
    table.width, table.height = table.width[keep], table.height[keep]
    table.start, table.length = table.start[keep], table.length[keep]


def _check_files(
    table: ImageTable, reader: _Reader, context: ReadContext, finder: ImageFinder
) -> None:
    """Compare sizes with the image files: of the first ones, and of all where one disagrees."""
    wrong = False
    for row, name in enumerate(table.names):
        if row >= CHECKED_SIZES and not wrong:
            return
        width, height = int(table.width[row]), int(table.height[row])
        if name is None or not width:
            continue
        try:
            path = finder.find(name)
            info = None if path is None else image_info(path, limits=context.limits)
        except DlgeomError:
            continue
        if info is not None and (info.width, info.height) != (width, height):
            wrong = True
            context.problems.warning(
                "image.size_disagrees",
                f"{name} is {width} x {height} here, but the upright image is "
                f"{info.width} x {info.height}. Annotations may be turned against it",
                path=reader._shown,
                location=f"images[{row}]",
            )
