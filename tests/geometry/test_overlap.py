"""Overlap of run lengths against pycocotools and dense masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from strategies import mask_pairs

from dlgeom.errors import GeometryError
from dlgeom.geometry import overlap, rle
from dlgeom.geometry.ragged import Runs


def column(masks: list) -> Runs:
    return Runs.of([None if m is None else (rle.encode(m), m.shape) for m in masks])


@given(st.lists(mask_pairs(), max_size=6))
def test_paired_intersections_equal_those_of_dense_masks(pairs: list) -> None:
    first, second = column([a for a, _ in pairs]), column([b for _, b in pairs])
    shared, area_a, area_b = overlap.paired_intersections(first, second)
    assert shared.tolist() == [int((a & b).sum()) for a, b in pairs]
    assert area_a.tolist() == [int(a.sum()) for a, _ in pairs]
    assert area_b.tolist() == [int(b.sum()) for _, b in pairs]


@given(mask_pairs())
def test_paired_iou_equals_pycocotools(pair: tuple) -> None:
    a, b = pair
    ours = overlap.paired_iou(column([a]), column([b]))[0]
    if a.any() or b.any():
        theirs = coco_mask.iou(
            [coco_mask.encode(np.asfortranarray(a, dtype=np.uint8))],
            [coco_mask.encode(np.asfortranarray(b, dtype=np.uint8))],
            [0],
        )[0, 0]
        assert ours == pytest.approx(theirs, abs=1e-12)
    else:
        assert ours == 1.0


def test_a_row_without_a_mask_has_no_iou() -> None:
    some = np.ones((2, 3), dtype=bool)
    iou = overlap.paired_iou(column([some, None, None]), column([some, some, None]))
    assert iou[0] == 1.0
    assert np.isnan(iou[1:]).all()


def test_masks_of_different_shapes_are_refused() -> None:
    with pytest.raises(GeometryError, match="pair 0 have shapes"):
        overlap.paired_iou(column([np.ones((2, 3))]), column([np.ones((3, 2))]))
    with pytest.raises(GeometryError, match="1 masks against 0"):
        overlap.paired_iou(column([np.ones((2, 3))]), column([]))
