"""Real annotations: tiles come together, mirrors undo themselves, letterboxes come back."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

import dlgeom as dl
from dlgeom import Affine
from dlgeom.geometry import regions
from dlgeom.transforms import merge_tiles

SETS = ["coco/coco_mini", "coco/taco", "coco/keypoints_2213", "voc/bccd", "video/coco_vid"]


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_real_sets_come_back(shared_data: Path, name: str) -> None:
    source = shared_data / name
    if not source.exists():
        pytest.skip(f"{name} absent")
    seen = 0
    with dl.open_dataset(source, on_error="skip") as data:
        for item, annotations in islice(data, 25):
            size = (item.width, item.height)
            tiles = annotations.tile(200, overlap=20)
            assert tiles.merge() == annotations
            by_id = merge_tiles([(t.window, t.annotations) for t in tiles], item=item)
            joined = {(a.id, a.label): a.annotation_definition for a in by_id if a.id is not None}
            there = Affine.letterbox(size, (640, 640))  # type: ignore[arg-type]
            for annotation in annotations:
                shape = annotation.annotation_definition
                seen += 1
                if isinstance(shape, dl.Segmentation):
                    assert shape.flip().flip() == shape
                    assert shape.rot90(1).rot90(3) == shape
                    assert joined[annotation.id, annotation.label] == shape
                elif isinstance(shape, dl.Polygon | dl.Box):
                    back = there.inverse.apply(there.apply(shape))
                    assert back.is_close(shape, atol=1e-9)
                if isinstance(shape, dl.Polygon):
                    one = joined[annotation.id, annotation.label]
                    assert isinstance(one, dl.Polygon)
                    off = regions.region(one.parts).symmetric_difference(
                        regions.region(shape.parts)
                    )
                    assert off.area <= 1e-6 * max(shape.area, 1)
    assert seen > 0
