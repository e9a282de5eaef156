"""COCO records built from the columns of a chunk, for sources that are not COCO."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import DROPPED, Losses
from dlgeom.converters.coco.write_codes import approximate, drop
from dlgeom.converters.coco.write_ids import is_plain
from dlgeom.converters.coco.write_others import other_record
from dlgeom.converters.coco.write_sizes import areas, shortest_sizes
from dlgeom.geometry import raster, rings, rle, rotated
from dlgeom.geometry.ragged import Rings, Runs

__all__ = ["Choices", "Record", "build", "find_unwritable", "numbers_of_points"]

UNSET = msgspec.UNSET


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """The options that shape records."""

    crowd: str = "keep"
    holes: str = "rle"
    recompute_bbox: bool = False
    recompute_area: bool = False
    box_polygons: bool = False
    unseen: bool = False
    """Whether keypoints of visibility 0 count for boxes: in results the number means nothing."""


class Record(msgspec.Struct, gc=False):
    """One annotation; what is UNSET is not written."""

    id: Any
    image_id: Any
    category_id: Any
    bbox: Any = UNSET
    area: Any = UNSET
    iscrowd: Any = UNSET
    segmentation: Any = UNSET
    keypoints: Any = UNSET
    num_keypoints: Any = UNSET
    score: Any = UNSET
    attributes: Any = UNSET


KNOWN = frozenset(Record.__struct_fields__) | {"caption"}


def find_unwritable(chunk: Chunk, losses: Losses) -> None:
    """Mark the rows that cannot become a COCO record as dropped."""
    captions = {
        row
        for row, annotation in chunk.others.items()
        if annotation.annotation_definition.type == "item_description"
    }
    nameless = chunk.label < 0
    if nameless.any():
        nameless[list(captions)] = False
        drop(losses, nameless, "ref.category")
    numbers = np.column_stack((chunk.bounds, chunk.rotated))
    bad = np.asarray(np.isinf(numbers).any(axis=1))
    if not np.isfinite(chunk.outline.xy).all():
        broken = ~np.isfinite(chunk.outline.xy)
        bad |= _rows_with(broken.max(axis=1), chunk.outline.row_vertices)
    if not np.isfinite(chunk.keypoints.values).all():
        unseen = chunk.keypoints.values[:, 2] == 0
        broken = ~np.isfinite(chunk.keypoints.values) & ~unseen[:, None]
        bad |= _rows_with(broken.max(axis=1), chunk.keypoints.offsets)
    if bad.any():
        drop(losses, bad, "number.not_finite")
    masked = np.flatnonzero(chunk.runs.present)
    if len(masked):
        sizes = chunk.sizes[masked][:, ::-1]
        other = (sizes != chunk.runs.shape[masked]).any(axis=1)
        if other.any():
            drop(losses, masked[other], "image.size_disagrees")


def _rows_with(elements: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows have any of the elements."""
    before = np.concatenate(([0], np.cumsum(elements)))
    return np.asarray(before[offsets[1:]] > before[offsets[:-1]])


def build(
    chunk: Chunk,
    box: NDArray[np.float64],
    ids: list[Any],
    images: list[Any],
    categories: list[Any],
    choices: Choices,
    losses: Losses,
    replaced: dict[int, list[list[NDArray[np.float64]]]] | None = None,
) -> list[Any]:
    """Return one record for each row of a chunk.

    Parameters
    ----------
    chunk : Chunk
        Columns, all decoded.
    box : ndarray of float64, shape (N, 4)
        Edges of each bbox, NaN for none.
    ids, images, categories : list
        Output ids of each row, its image and its category.
    choices : Choices
        Options.
    losses : Losses
        One entry a row; rows marked as dropped get a record that nobody writes.
    replaced : dict, optional
        Gets row -> parts of the outline written instead of the row's shape.
    """
    area = areas(chunk, box, recompute=choices.recompute_area)
    xywh = np.column_stack((box[:, :2], shortest_sizes(box[:, :2], box[:, 2:])))
    segmentations = _segmentations(chunk, choices, losses, replaced)
    crowds = chunk.crowd.astype(np.int64).tolist()
    records: list[Any] = list(
        map(
            Record,
            ids,
            images,
            categories,
            xywh.tolist(),
            area.tolist(),
            crowds,
            segmentations,
        )
    )
    for row in np.flatnonzero(np.isnan(box[:, 0])).tolist():
        records[row].bbox = UNSET
    for row in np.flatnonzero(~np.isfinite(area)).tolist():
        records[row].area = UNSET
    due = [len(label.keypoints) for label in chunk.labels] + [0]
    for row in np.flatnonzero(chunk.keypoints.lengths).tolist():
        _put_keypoints(records[row], chunk.keypoints.row(row), due[chunk.label[row]])
    for row in np.flatnonzero(np.isfinite(chunk.score)).tolist():
        records[row].score = float(chunk.score[row])
    empty = np.isnan(box[:, 0]) & (chunk.shapes == 0)
    for row in np.flatnonzero(empty & (chunk.runs.present == 0)).tolist():
        if not chunk.crowd[row]:
            records[row].iscrowd = UNSET
        records[row].segmentation = UNSET
    _put_sparse(chunk, records, losses)
    for row, annotation in chunk.others.items():
        if losses.status[row] != DROPPED:
            _put_other(chunk, records, row, annotation, losses)
    return records


def numbers_of_points(chunk: Chunk) -> dict[int, int]:
    """Return row -> number of keypoints, for rows that have any."""
    counts = chunk.keypoints.lengths
    found = {row: int(counts[row]) for row in np.flatnonzero(counts).tolist()}
    for row, annotation in chunk.others.items():
        if annotation.annotation_definition.type == "point":
            found[row] = 1
    return found


def _put_keypoints(record: Record, points: NDArray[np.float64], due: int) -> None:
    """Put the points of a pose, and those that it lacks as not labelled: `due` are needed."""
    values = points.tolist()
    flat: list[float] = []
    for x, y, v in values:
        seen = int(v) if v in (0.0, 1.0, 2.0) else v
        flat += (x, y, seen) if x - x == 0.0 == y - y else (0.0, 0.0, 0)
    flat += [0.0, 0.0, 0] * (due - len(values))
    record.keypoints = flat
    record.num_keypoints = sum(v > 0 for v in flat[2::3])


def _put_sparse(chunk: Chunk, records: list[Any], losses: Losses) -> None:
    """Put attributes, the angle of rotated boxes and unknown fields in their places."""
    for row, values in chunk.attributes.items():
        kept = {key: value for key, value in values.items() if is_plain(value)}
        for key in values.keys() - kept.keys():
            losses.fields[f"attributes.{key}"] += 1
        if kept:
            records[row].attributes = kept
    turned = ~np.isnan(chunk.rotated[:, 0])
    alone = turned & (chunk.outline.part_counts == 0) & ~chunk.runs.present
    for row in np.flatnonzero(alone).tolist():
        known = records[row].attributes
        angle = {"rotation": float(chunk.rotated[row, 4])}
        records[row].attributes = angle if known is UNSET else {**known, **angle}
    for row, values in chunk.extra.items():
        fields = {k: v for k, v in msgspec.structs.asdict(records[row]).items() if v is not UNSET}
        for key, value in values.items():
            # Attributes that are no object have no column, nor has the caption of a shape.
            free = key in ("attributes", "caption")
            taken = key in fields if free else key in KNOWN
            if taken or not is_plain(value):
                losses.fields[key] += 1
            else:
                fields[key] = value
        records[row] = fields


def _put_other(
    chunk: Chunk,
    records: list[Any],
    row: int,
    annotation: Any,
    losses: Losses,
) -> None:
    found = other_record(annotation.annotation_definition)
    if found.dropped:
        drop(losses, row, found.code)
        return
    label = int(chunk.label[row])
    if "keypoints" in found.fields and label >= 0 and len(chunk.labels[label].keypoints) > 1:
        # Readers take a record with another number of keypoints than its category for broken.
        drop(losses, row, "keypoints.arity")
        return
    record = records[row]
    fields = record if isinstance(record, dict) else msgspec.structs.asdict(record)
    merged = {
        "id": fields["id"],
        "image_id": fields["image_id"],
        "category_id": fields["category_id"],
        **found.fields,
    }
    for key, value in fields.items():
        if value is not UNSET and value != []:
            merged.setdefault(key, value)
    if chunk.crowd[row]:
        merged["iscrowd"] = 1
    elif not merged.keys() & {"bbox", "segmentation", "keypoints"}:
        merged.pop("iscrowd", None)
    if not np.isnan(chunk.area[row]) and "area" in merged:
        merged["area"] = float(chunk.area[row])
    records[row] = merged
    if found.code:
        approximate(losses, row, found.code)


# ------------------------------------------------------------------ segmentation


def _segmentations(
    chunk: Chunk,
    choices: Choices,
    losses: Losses,
    replaced: dict[int, list[list[NDArray[np.float64]]]] | None,
) -> list[Any]:
    """Return the value of ``segmentation`` for each row."""
    nothing: list[Any] = []
    result: list[Any] = [nothing] * len(chunk)
    alive = losses.status != DROPPED
    drawn = (chunk.outline.part_counts > 0) & alive
    masked = chunk.runs.present & alive
    turned = ~np.isnan(chunk.rotated[:, 0]) & alive
    if choices.box_polygons:
        sides = chunk.bounds[:, 2:] - chunk.bounds[:, :2]
        # Four corners on one line are a ring that no reader takes.
        plain = ~(drawn | masked | turned) & (sides > raster.FLAT).all(axis=1)
        for row, ring in zip(
            np.flatnonzero(plain).tolist(),
            chunk.bounds[plain][:, [0, 1, 2, 1, 2, 3, 0, 3]].tolist(),
            strict=True,
        ):
            result[row] = [ring]
    alone = np.flatnonzero(turned & ~drawn & ~masked)
    if len(alone):
        corners = rotated.corners(chunk.rotated[alone])
        approximate(losses, alone, "geometry.rotated", 1.0)
        for row, ring in zip(alone.tolist(), corners.reshape(-1, 8).tolist(), strict=True):
            result[row] = [ring]
    only_masks = np.flatnonzero(masked & ~drawn)
    if len(only_masks):
        _put_masks(chunk.runs, only_masks, chunk.crowd, result)
    if drawn.any():
        _put_outlines(chunk.outline, np.flatnonzero(drawn), result)
        holed = drawn & (np.diff(chunk.outline.row_rings) > chunk.outline.part_counts)
        for row in np.flatnonzero(holed).tolist():
            result[row] = _holed(chunk, row, choices.holes, losses, replaced)
    several = (drawn & (masked | turned)) | (masked & turned)
    if several.any():
        approximate(losses, several, "geometry.companion")
    return result


def _put_masks(
    runs: Runs, rows: NDArray[np.int64], crowd: NDArray[np.bool_], result: list[Any]
) -> None:
    """Masks as compressed text; those of crowds as a list, as the official files have them."""
    texts = rle.to_strings(runs.take(rows))
    sizes = runs.shape[rows].tolist()
    for row, size, text in zip(rows.tolist(), sizes, texts, strict=True):
        counts: Any = rle.to_list(runs.row(row)) if crowd[row] else text
        result[row] = {"size": size, "counts": counts}


def _put_outlines(outline: Rings, rows: NDArray[np.int64], result: list[Any]) -> None:
    flat: list[float] = outline.xy.ravel().tolist()
    ends: list[int] = (2 * outline.rings).tolist()
    lists = [flat[a:b] for a, b in itertools.pairwise(ends)]
    bounds: list[int] = outline.row_rings.tolist()
    for row in rows.tolist():
        result[row] = lists[bounds[row] : bounds[row + 1]]


def _ratio(a: float, b: float) -> float:
    return min(a, b) / max(a, b) if min(a, b) > 0 else 0.0


def _holed(
    chunk: Chunk,
    row: int,
    how: str,
    losses: Losses,
    replaced: dict[int, list[list[NDArray[np.float64]]]] | None,
) -> Any:
    """Return the segmentation of a polygon with holes, which COCO's polygons do not have."""
    from dlgeom.geometry import bridges

    parts = chunk.outline.row(row)
    if how == "bridge":
        joined = [part[0] if len(part) == 1 else bridges.join([part]) for part in parts]
        found = [ring for ring in joined if ring is not None]
        if len(found) == len(joined):
            approximate(losses, row, "geometry.holes_bridged", 1.0)
            return [ring.ravel().tolist() for ring in found]
    exact = float(rings.row_areas(chunk.outline.take(np.array([row])))[0])
    if how == "drop":
        kept = [[part[0]] for part in parts]
        whole = float(rings.row_areas(Rings.of([kept]))[0])
        approximate(losses, row, "geometry.holes_dropped", _ratio(exact, whole))
        if replaced is not None:
            replaced[row] = kept
        return [part[0].ravel().tolist() for part in parts]
    item = chunk.items[int(chunk.item[row])]
    shape = (int(item.height or 0), int(item.width or 0))
    counts = raster.parts_to_runs(parts, shape)
    approximate(losses, row, "geometry.holes", _ratio(float(rle.area(counts)), exact))
    text = rle.to_list(counts) if chunk.crowd[row] else rle.to_string(counts)
    return {"size": list(shape), "counts": text}
