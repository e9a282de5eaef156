"""Outlines, masks, keypoints and sparse fields of chosen records, from their text."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.coco.read_bulk import MASKS
from dlgeom.converters.coco.read_json import edit, strict_json
from dlgeom.converters.coco.read_shapes import (
    FaultError,
    Outline,
    read_keypoints,
    read_mask,
    read_outline,
)
from dlgeom.converters.coco.read_slow import KNOWN
from dlgeom.errors import GeometryError
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import Ragged, Rings, Runs, offsets_of
from dlgeom.limits import Limits

__all__ = [
    "decode_keypoints",
    "decode_masks",
    "decode_outlines",
    "mended_record",
    "own_fields",
    "sparse_fields",
]

_POLYGONS = msgspec.json.Decoder(list[list[list[float]]])
_POINTS = msgspec.json.Decoder(list[list[float]])
FAR = 2.0
"""Pixels between a box and its outline from which on the two are said to disagree."""


class _Pose(msgspec.Struct, gc=False):
    keypoints: msgspec.Raw = msgspec.Raw(b"[]")


_POSES = msgspec.json.Decoder(list[_Pose])


def _plain_rings(texts: Sequence[bytes]) -> Rings | None:
    """Decode polygons of the plain form at once; None where one is not."""
    try:
        rows = _POLYGONS.decode(b"[" + b",".join(texts) + b"]")
    except (msgspec.DecodeError, RecursionError):
        return None
    counts = np.fromiter(map(len, rows), np.int64, len(rows))
    rings = list(itertools.chain.from_iterable(rows))
    sizes = np.fromiter(map(len, rings), np.int64, len(rings))
    if (sizes % 2).any():
        return None
    numbers = np.fromiter(itertools.chain.from_iterable(rings), np.float64, int(sizes.sum()))
    parts = np.arange(len(rings) + 1, dtype=np.int64)
    return Rings(numbers.reshape(-1, 2), offsets_of(sizes // 2), parts, offsets_of(counts))


def _ring_rows(rings: Rings) -> NDArray[np.int64]:
    """Return the row of each ring."""
    return np.repeat(np.arange(len(rings)), np.diff(rings.row_rings))


def decode_outlines(
    texts: Sequence[bytes], odd: NDArray[np.bool_], limits: Limits
) -> tuple[Rings, dict[int, Outline | FaultError]]:
    """Decode and check the polygons of N records.

    Parameters
    ----------
    texts : sequence of bytes
        Their ``segmentation``.
    odd : ndarray of bool, shape (N,)
        Those whose text is not of the plain form.
    limits : Limits
        Bounds of coordinates and points.

    Returns
    -------
    outline : Rings
        One row a record; a ring that cannot be used is left out.
    faults : dict of int to Outline or FaultError
        Rows in which rings were left out, or nothing can be used.
    """
    from dlgeom.geometry.raster import faults as ring_faults
    from dlgeom.geometry.rings import drop_closing

    plain = np.flatnonzero(~odd)
    rings = _plain_rings([texts[row] for row in plain.tolist()] if odd.any() else texts)
    slow = set(np.flatnonzero(odd).tolist())
    if rings is None:
        slow.update(range(len(texts)))
    else:
        wrong = ring_faults(rings.xy, rings.rings, limits=limits)
        if wrong.any():
            slow.update(plain[_ring_rows(rings)[wrong != 0]].tolist())
        if len(rings.xy) > limits.points:
            slow.update(plain[np.diff(rings.row_vertices) > limits.points].tolist())
    if not slow:
        assert rings is not None
        xy, offsets = drop_closing(rings.xy, rings.rings)
        return Rings(xy, offsets, rings.parts, rings.rows), {}
    return _mixed(texts, rings, plain, slow, limits)


def _mixed(
    texts: Sequence[bytes],
    rings: Rings | None,
    plain: NDArray[np.int64],
    slow: set[int],
    limits: Limits,
) -> tuple[Rings, dict[int, Outline | FaultError]]:
    """Put together what was decoded at once and what goes one by one."""
    from dlgeom.geometry.rings import drop_closing

    faults: dict[int, Outline | FaultError] = {}
    rows: list[Any] = []
    for row in sorted(slow):
        try:
            outline = read_outline(strict_json(texts[row]), limits)
        except FaultError as fault:
            faults[row] = fault
            rows.append(None)
            continue
        if outline.faults:
            faults[row] = outline
        rows.append([[ring] for ring in outline.rings])
    careful = Rings.of(rows)
    order = np.empty(len(texts), dtype=np.int64)
    order[sorted(slow)] = np.arange(len(slow))
    if rings is None or len(slow) == len(texts):
        whole = careful.take(order)
    else:
        kept = np.array([row not in slow for row in plain.tolist()])
        order[plain[kept]] = len(slow) + np.flatnonzero(kept)
        whole = Rings.concat([careful, rings]).take(order)
    xy, offsets = drop_closing(whole.xy, whole.rings)
    return Rings(xy, offsets, whole.parts, whole.rows), faults


def decode_masks(texts: Sequence[bytes], limits: Limits) -> Runs:
    """Decode RLE objects that the first pass found to be good."""
    try:
        masks = MASKS.decode(b"[" + b",".join(texts) + b"]")
    except (msgspec.DecodeError, RecursionError):
        return Runs.of(read_mask(strict_json(text), limits) for text in texts)
    short = [(k, mask.counts.encode()) for k, mask in enumerate(masks) if type(mask.counts) is str]
    pieces: list[NDArray[np.uint32]] = [np.zeros(0, dtype=np.uint32)] * len(masks)
    if short:
        try:
            counts, offsets = rle.from_strings([text for _, text in short])
        except GeometryError:
            for row, text in short:
                pieces[row] = rle.from_string(text)
        else:
            places = offsets.tolist()
            for index, (row, _) in enumerate(short):
                pieces[row] = counts[places[index] : places[index + 1]]
    for row, mask in enumerate(masks):
        if type(mask.counts) is not str:
            pieces[row] = _counts(mask.counts)
    return Runs(
        np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.uint32),
        offsets_of([len(piece) for piece in pieces]),
        np.array([mask.size for mask in masks], dtype=np.int64).reshape(-1, 2),
    )


def _counts(values: Any) -> NDArray[np.uint32]:
    counts = np.array(values, dtype=np.int64)
    if len(counts) and int(counts.max()) >= 1 << 32:
        return rle.from_list(values)
    return counts.astype(np.uint32)


# The first pass has checked them against the limits of the run.
_ANY = Limits(coordinate=float("inf"))


def decode_keypoints(records: Sequence[bytes], *, results: bool) -> Ragged:
    """Decode the keypoints of records that the first pass found to be good."""
    try:
        texts = [bytes(pose.keypoints) for pose in _POSES.decode(b"[" + b",".join(records) + b"]")]
        lists = _POINTS.decode(b"[" + b",".join(texts) + b"]")
        sizes = np.fromiter(map(len, lists), np.int64, len(lists))
        if results or (sizes % 3).any():
            raise ValueError
    except (msgspec.DecodeError, RecursionError, ValueError):
        return Ragged.of(
            [
                read_keypoints(strict_json(record)["keypoints"], results=results, limits=_ANY)
                for record in records
            ]
        )
    flat = np.fromiter(itertools.chain.from_iterable(lists), np.float64, int(sizes.sum()))
    return Ragged(flat.reshape(-1, 3), offsets_of(sizes // 3))


def sparse_fields(record: bytes, *, shape: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes of a record, and its fields that have no column.

    A caption is such a field where the record is a `shape`.
    """
    fields = strict_json(record)
    attributes = fields.get("attributes")
    extra = {key: value for key, value in fields.items() if key not in KNOWN}
    if shape and fields.get("caption") is not None:
        extra["caption"] = fields["caption"]
    if not isinstance(attributes, dict):
        if attributes is not None:
            extra["attributes"] = attributes
        attributes = {}
    return attributes, extra


def own_fields(
    extra: dict[int, dict[str, Any]], others: dict[int, Any], posed: NDArray[np.bool_]
) -> dict[int, tuple[str, ...]]:
    """Return which unknown fields of rows are the annotation's own: the writers put them there.

    That is ``description``, and of poses ``template_id`` and ``instance_id``, where they are
    text. Objects get their description at once: it leaves their extra fields.

    Parameters
    ----------
    extra : dict of int to dict
        Unknown fields of rows; is changed.
    others : dict of int to Annotation
        Objects; are changed.
    posed : ndarray of bool, shape (N,)
        Rows that become poses.

    Returns
    -------
    dict of int to tuple of str
        As `Chunk.named`.
    """
    named: dict[int, tuple[str, ...]] = {}
    for row, fields in list(extra.items()):
        if row in others:
            if type(fields.get("description")) is str:
                others[row].description = fields.pop("description")
                if not fields:
                    del extra[row]
            continue
        keys = ("description", "template_id", "instance_id") if posed[row] else ("description",)
        found = tuple(key for key in keys if type(fields.get(key)) is str)
        if found:
            named[row] = found
    return named


def mended_record(record: bytes, limits: Limits, *, posed: bool) -> bytes:
    """Return the text of a record without the rings, and the keypoints, that cannot be used.

    Parameters
    ----------
    record : bytes
        Its own text.
    limits : Limits
        Bounds of coordinates and points.
    posed : bool
        Whether its keypoints are used.
    """
    fields = strict_json(record)
    changes: dict[str, bytes | None] = {}
    value = fields.get("segmentation")
    if isinstance(value, list) and value:
        outline = read_outline(value, limits)
        if outline.faults:
            rings = [ring.ravel().tolist() for ring in outline.rings]
            changes["segmentation"] = msgspec.json.encode(rings)
    if fields.get("keypoints") is not None and not posed:
        changes |= {"keypoints": None, "num_keypoints": None}
    return edit(record, changes)
