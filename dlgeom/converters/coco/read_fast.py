"""Records of a whole window at once: typed decoding, then arrays.

What cannot be explained (a type that does not fit, an odd number of quotes, a polygon whose text
is not of the plain form) is handed to the slow path: the record, or the window.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import BOX, OTHER
from dlgeom.converters.coco.read_bulk import (
    check_keypoints,
    check_masks,
    check_polygons,
    needs_care,
    repeats_keys,
)
from dlgeom.converters.coco.read_columns import (
    ATTRIBUTES,
    CAPTION,
    CROWD,
    EXTRA,
    NO_ID,
    SHAPES,
    Block,
    Column,
    id_column,
)
from dlgeom.converters.coco.read_joined import Joined
from dlgeom.converters.coco.read_slow import KNOWN
from dlgeom.converters.coco.scan import Window, record_places
from dlgeom.limits import Limits

__all__ = ["ANNOTATIONS", "FastWindow", "read_window"]

NONE = msgspec.Raw(b"")


class _Annotation(msgspec.Struct, gc=False):
    """The known fields; what is costly stays text."""

    id: int | str | None = None
    image_id: int | str | None = None
    category_id: int | str | None = None
    bbox: tuple[float, float, float, float] | None = None
    area: float | None = None
    iscrowd: int | None = None
    score: float | None = None
    segmentation: msgspec.Raw = NONE
    keypoints: msgspec.Raw = NONE
    num_keypoints: msgspec.Raw = NONE
    attributes: msgspec.Raw = NONE
    caption: msgspec.Raw = NONE


ANNOTATIONS = msgspec.json.Decoder(list[_Annotation])
_RAW_DICTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])

_FIRST = re.compile(rb'\{\s*"segmentation"\s*:\s*')
_COLON = re.compile(rb"\s*:\s*")
# An angle that is not zero.
_TURNED = re.compile(rb'"rotation"\s*:\s*(?!-?0(?:\.0*)?\s*[,}])')


class FastWindow(msgspec.Struct, gc=False):
    """Columns of a window, and the rows that have to be read slowly."""

    block: Block
    slow: list[int]


def read_window(window: Window, limits: Limits, *, results: bool = False) -> FastWindow | None:
    """Turn a window into columns, or return None where all of it has to be read slowly."""
    rows = window.rows
    if rows is None:
        return None
    text = window.text
    if b"\\" in text and (b"\\ud" in text or b"\\uD" in text):
        # Surrogate pairs: the typed decoder does not see halves of them in what stays text.
        return None
    slow: set[int] = set()
    columns = _Columns(rows)
    if not columns.segmentations.separable:
        return None
    flags = columns.flags()
    extra = _check_keys(text, columns, slow)
    if extra is None:
        return None
    flags[extra] |= EXTRA
    starts, stops = _places(window, columns, limits)
    part_start, part_length = _segmentation_places(text, columns, starts, stops)
    if part_start is None:
        return None
    mask_rows, mask_sizes = _segmentations(columns, flags, limits, slow)
    pose_rows, pose_counts = _keypoints(columns, flags, limits, slow)
    slow.update(columns.doubtful())
    _captions(columns, flags)
    flags[(flags & SHAPES) == 0] |= OTHER
    block = Block(
        image=columns.image,
        category=columns.category,
        id=columns.id,
        box=columns.box,
        area=columns.area,
        score=columns.score,
        flags=flags,
        start=starts + window.start,
        length=(stops - starts).astype(np.int32),
        part_start=part_start,
        part_length=part_length,
        rotated={},
        mask_rows=mask_rows,
        mask_sizes=mask_sizes,
        pose_rows=pose_rows,
        pose_counts=pose_counts,
    )
    return FastWindow(block, sorted(slow))


def _places(
    window: Window, columns: _Columns, limits: Limits
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if window.spans is None:
        return record_places(window.text, columns.count, limits.depth, objects=columns.objects())
    table = np.array(window.spans, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _captions(columns: _Columns, flags: NDArray[np.uint16]) -> None:
    """Tell captions of images from shapes of a class that have a caption among their fields."""
    rows = np.flatnonzero(flags & CAPTION)
    if len(rows):
        named = ~np.isin(rows, _without_id(columns.category))
        shapes = rows[named & ((flags[rows] & SHAPES) != 0)]
        flags[rows] |= OTHER
        flags[shapes] = (flags[shapes] & ~np.uint16(CAPTION | OTHER)) | EXTRA


class _Columns:
    """The fields of the decoded records, turned from rows to columns."""

    def __init__(self, rows: list[Any]) -> None:
        fields = zip(*map(msgspec.structs.astuple, rows), strict=True)
        (
            ids,
            images,
            categories,
            boxes,
            areas,
            crowds,
            scores,
            segmentations,
            self.keypoints,
            self.num_keypoints,
            self.attributes,
            self.caption,
        ) = fields
        self.count = len(rows)
        self.id, self.image, self.category = map(id_column, (ids, images, categories))
        self.box = self._box_column(boxes)
        # numpy turns None into NaN, which JSON numbers never are.
        self.area: NDArray[np.float64] = np.array(areas, dtype=np.float64)
        self.crowd, self._crowds = self._crowd_column(crowds)
        self.score: NDArray[np.float64] | None = None
        if scores.count(None) < self.count:
            self.score = np.array(scores, dtype=np.float64)
        # First characters and lengths tell masks from polygons.
        self.segmentations = Joined(segmentations)

    def _box_column(self, boxes: tuple[tuple[float, ...] | None, ...]) -> NDArray[np.float64]:
        """Return x, y, width, height, NaN for none, shape (N, 4)."""
        flat = itertools.chain.from_iterable(boxes)  # type: ignore[arg-type]
        try:
            return np.fromiter(flat, np.float64, 4 * self.count).reshape(-1, 4)
        except TypeError:  # None
            nothing = (np.nan,) * 4
            return np.array([box or nothing for box in boxes], dtype=np.float64)

    def _crowd_column(self, crowds: tuple[int | None, ...]) -> tuple[NDArray[np.int64], int]:
        """Return the marks of crowds, 0 for none and 2 for any number but 0 and 1; and how many."""
        try:
            return np.fromiter(crowds, np.int64, self.count), self.count
        except (TypeError, OverflowError):
            known = {0: 0, 1: 1, None: 0}
            marks = [known.get(crowd, 2) for crowd in crowds]
            return np.array(marks, dtype=np.int64), self.count - crowds.count(None)

    def lacks(self, column: tuple[Any, ...]) -> bool:
        """Whether no record has the field; one look in C instead of a loop over the rows."""
        return column.count(NONE) == self.count

    def flags(self) -> NDArray[np.uint16]:
        """Return the bits for boxes, crowds, captions and attributes."""
        flags = np.where(np.isnan(self.box[:, 0]), 0, BOX).astype(np.uint16)
        flags[self.crowd == 1] |= CROWD
        if not self.lacks(self.caption):
            flags[[raw is not NONE for raw in self.caption]] |= CAPTION
        for row, raw in enumerate(() if self.lacks(self.attributes) else self.attributes):
            if raw is not NONE:
                text = bytes(raw)
                if not text.startswith(b"{"):
                    flags[row] |= EXTRA if text != b"null" else 0
                elif len(text) > 2:
                    flags[row] |= ATTRIBUTES
        return flags

    def doubtful(self) -> set[int]:
        """Return rows that miss a field, or have a value out of range."""
        found: set[int] = set(_without_id(self.image))
        found.update(k for k in _without_id(self.category) if self.caption[k] is NONE)
        found.update(np.flatnonzero((self.crowd != 0) & (self.crowd != 1)).tolist())
        found.update(np.flatnonzero((self.box[:, 2] < 0) | (self.box[:, 3] < 0)).tolist())
        found.update(
            k
            for k, raw in enumerate(() if self.lacks(self.caption) else self.caption)
            if raw is not NONE and not bytes(raw).startswith(b'"')
        )
        found.update(self._doubtful_attributes())
        if not self.lacks(self.num_keypoints):
            numbers = list(map(bytes, self.num_keypoints))
            wrong = {n for n in set(numbers) if needs_care(n) or n[:1] in (b"{", b"[")}
            if wrong:
                found.update(k for k, number in enumerate(numbers) if number in wrong)
        return found

    def _doubtful_attributes(self) -> set[int]:
        """Return rows whose attributes may be faulty, or tell of a rotated box."""
        if self.lacks(self.attributes):
            return set()
        rows = [k for k, raw in enumerate(self.attributes) if raw is not NONE]
        texts = [bytes(self.attributes[k]) for k in rows]
        found = set(itertools.compress(rows, repeats_keys(texts)))
        found.update(
            k
            for k, text in zip(rows, texts, strict=True)
            if needs_care(text) or _TURNED.search(text) or self._may_be_corners(k, text)
        )
        return found

    def _may_be_corners(self, row: int, attributes: bytes) -> bool:
        """Whether a row may be a box of angle 0 that is written as its four corners."""
        chosen = np.flatnonzero(self.segmentations.rows == row)
        if b'"rotation"' not in attributes or not len(chosen):
            return False
        return self.segmentations.texts(chosen)[0].count(b",") == 7

    def objects(self) -> int:
        """Return how many fields hold an object."""
        attributes = 0
        if not self.lacks(self.attributes):
            attributes = sum(raw is not NONE and bytes(raw)[:1] == b"{" for raw in self.attributes)
        return int(np.count_nonzero(self.segmentations.first == ord("{"))) + attributes

    def quotes(self) -> int:
        """Return how many quotes the decoded fields explain."""
        total = 2 * self._crowds
        for column in (self.id, self.image, self.category):
            total += 2 * (self.count - len(_without_id(column)))
            if isinstance(column, list):
                total += 2 * sum(type(value) is str for value in column)
        for values in (self.box[:, 0], self.area, self.score):
            if values is not None:
                total += 2 * (self.count - int(np.count_nonzero(np.isnan(values))))
        total += 2 * len(self.segmentations.rows)
        for text in self.segmentations.texts(np.flatnonzero(self.segmentations.first != ord("["))):
            total += text.count(b'"')
        for raws in (self.keypoints, self.num_keypoints, self.attributes, self.caption):
            if self.lacks(raws):
                continue
            present = [raw for raw in raws if raw is not NONE]
            total += 2 * len(present) + b"".join(present).count(b'"')
        return total


def _without_id(column: Column) -> list[int]:
    """Return the rows that have no id."""
    if isinstance(column, np.ndarray):
        rows: list[int] = np.flatnonzero(column == NO_ID).tolist()
        return rows
    return [row for row, value in enumerate(column) if value is None]


def _check_keys(text: bytes, columns: _Columns, slow: set[int]) -> list[int] | None:
    """Return the rows with keys that have no column; None where keys repeat or are escaped.

    Rows whose values need a closer look are added to `slow`.
    """
    # Ten times as fast as bytes.count: quotes are many.
    quotes = int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == ord('"')))
    if quotes == columns.quotes():
        return []
    try:
        records = _RAW_DICTS.decode(b"[" + text + b"]")
    except (msgspec.DecodeError, RecursionError):
        return None
    explained = 2 * sum(map(len, records))
    explained += b"".join([raw for record in records for raw in record.values()]).count(b'"')
    if quotes != explained:
        return None
    found = [row for row, record in enumerate(records) if not record.keys() <= KNOWN]
    rows: list[int] = []
    values: list[bytes] = []
    for row in found:
        record = records[row]
        unknown = [bytes(record[key]) for key in record.keys() - KNOWN]
        rows += [row] * len(unknown)
        values += unknown
    slow.update(row for row, value in zip(rows, values, strict=True) if needs_care(value))
    slow.update(itertools.compress(rows, repeats_keys(values)))
    return found


def _segmentation_places(
    text: bytes,
    columns: _Columns,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> tuple[NDArray[np.int32] | None, NDArray[np.int32]]:
    """Find where in its record each segmentation lies; (None, ...) where it cannot be told."""
    start = np.zeros(columns.count, dtype=np.int32)
    length = np.zeros(columns.count, dtype=np.int32)
    rows = columns.segmentations.rows
    if not len(rows):
        return start, length
    characters = np.frombuffer(text, dtype=np.uint8)
    places = _after_first_key(text, characters, starts[rows])
    if places is None:
        places = _after_key(text, characters, len(rows))
    if places is None or not np.array_equal(characters[places], columns.segmentations.first):
        return None, length
    if (places < starts[rows]).any() or (places > stops[rows]).any():
        return None, length
    start[rows] = places - starts[rows]
    length[rows] = columns.segmentations.lengths
    return start, length


def _after_first_key(
    text: bytes, characters: NDArray[np.uint8], starts: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return the places behind the key where it is the first of each record, else None."""
    found = _FIRST.match(text, int(starts[0]))
    if found is None:
        return None
    prefix = np.frombuffer(found.group(), dtype=np.uint8)
    if int(starts[-1]) + len(prefix) > len(text):
        return None
    if not (characters[starts[:, None] + np.arange(len(prefix))] == prefix).all():
        return None
    return starts + len(prefix)


def _after_key(text: bytes, characters: NDArray[np.uint8], count: int) -> NDArray[np.int64] | None:
    """Return the places behind the key where it occurs `count` times, each time as a key."""
    key = b'"segmentation"'
    pieces = text.split(key)
    if len(pieces) != count + 1:
        return None
    sizes = np.fromiter(map(len, pieces), np.int64, len(pieces))
    places: NDArray[np.int64] = np.cumsum(sizes[:-1] + len(key))
    found = _COLON.match(text, int(places[0]))
    if found is None:
        return None
    for step, mark in enumerate(found.group()):
        if int(places[-1]) + step >= len(text) or (characters[places + step] != mark).any():
            return None
    places += len(found.group())
    return places if int(places[-1]) < len(text) else None


def _segmentations(
    columns: _Columns, flags: NDArray[np.uint16], limits: Limits, slow: set[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Classify the segmentations; masks are checked in full, polygons by their text."""
    found = columns.segmentations
    lists = found.first == ord("[")
    objects = found.first == ord("{")
    others = np.flatnonzero(~lists & ~objects)
    for row, text in zip(found.rows[others].tolist(), found.texts(others), strict=True):
        if text != b"null":
            slow.add(row)
    polygons = np.flatnonzero(lists & (found.lengths > 2))
    check_polygons(found.rows[polygons], found.joined(polygons), flags, slow)
    masks = np.flatnonzero(objects)
    return check_masks(found.rows[masks], found.texts(masks), flags, limits, slow)


def _keypoints(
    columns: _Columns, flags: NDArray[np.uint16], limits: Limits, slow: set[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Check the keypoints; return the rows that have some, and how many."""
    some = () if columns.lacks(columns.keypoints) else columns.keypoints
    rows = [k for k, raw in enumerate(some) if raw is not NONE]
    return check_keypoints(rows, [bytes(columns.keypoints[k]) for k in rows], flags, limits, slow)
