"""Id maps of the shared data against pycocotools and the official panoptic pictures."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pycocotools import mask as coco

import dlgeom as dl
from dlgeom import render
from dlgeom.render.scene import in_order

pytestmark = pytest.mark.shared

INSTANCES = {
    "coco/coco_mini/instances_val2017.json": 620,
    "coco/coco_mini/instances_train2017.json": 735,
    "coco/coco_mini/person_keypoints_val2017.json": 115,
    "coco/coco_mini/person_keypoints_train2017.json": 170,
    "coco/keypoints_2213/*.gz": 2_200,
    "coco/person_1045/*.gz": 1_000,
    "coco/taco/*.gz": 75,
    "coco/lvis_val_100/*.json": 970,
    "coco/results/instances_val2014_fakesegm100_results.json": 734,
}
"""Files, and how many masks are compared in each at least."""


def decoded(segmentation, height: int, width: int) -> np.ndarray:
    """Return the mask of COCO's segmentation as pycocotools' own `annToMask` does."""
    if isinstance(segmentation, list):
        runs = coco.merge(coco.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        runs = coco.frPyObjects(segmentation, height, width)
    else:
        runs = segmentation
    return coco.decode(runs).astype(bool)


@pytest.mark.parametrize(("pattern", "least"), INSTANCES.items())
def test_instance_maps_are_those_of_pycocotools(
    shared_data: Path, pattern: str, least: int
) -> None:
    (path,) = shared_data.glob(pattern)
    data = path.read_bytes()
    document = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    records = document if isinstance(document, list) else document["annotations"]
    # The first of repeated ids; records of results have none and are told by their place.
    by_id: dict = {}
    for place, record in enumerate(records):
        by_id.setdefault(record.get("id", place), record)
    painted = 0
    # Images of 12 million pixels: pycocotools' dense masks of all of them take minutes.
    step = 47 if "taco" in pattern else 1
    is_results = isinstance(document, list)
    for number, (item, annotations) in enumerate(dl.Dataset.open(path, on_error="skip")):
        if number % step:
            continue
        found = []
        of_image = iter([one for one in records if one["image_id"] == item.id])
        for annotation in annotations:
            record = next(of_image) if is_results else by_id.get(annotation.id)
            if record and record["image_id"] == item.id and record.get("segmentation"):
                found.append((annotation, record["segmentation"]))
        if not found:
            continue
        if item.shape is None:
            item.height, item.width = found[0][1]["size"]
        shown = [annotation for annotation, _ in found]
        expected = np.zeros(item.shape, dtype=np.int32)
        for place in in_order(shown):
            expected[decoded(found[place][1], *item.shape)] = place + 1
        ids = render.instance_ids(shown, width=item.width, height=item.height)
        assert_array_equal(ids, expected, err_msg=str(item.name))
        painted += len(found)
    assert painted >= least


def test_panoptic_pictures_are_the_official_ones(shared_data: Path) -> None:
    from dlgeom.converters.png import read_png

    folder = shared_data / "coco" / "panoptic_val100"
    document = json.loads((folder / "panoptic_val2017.json").read_bytes())
    official = {entry["image_id"]: entry for entry in document["annotations"]}
    for item, annotations in dl.Dataset.open(folder):
        entry = official[item.id]
        picture = render.panoptic(annotations)
        png = read_png(folder / "panoptic_val2017" / entry["file_name"])
        assert_array_equal(picture.rgb, png.array[..., :3])
        ours = {one["id"]: one for one in picture.segments_info}
        assert [one["id"] for one in picture.segments_info] == [
            one["id"] for one in entry["segments_info"]
        ]
        for segment in entry["segments_info"]:
            assert ours[segment["id"]] == {key: segment[key] for key in ours[segment["id"]]}


def test_panoptic_sample_round_trip(shared_data: Path) -> None:
    from dlgeom.converters.png import read_png

    folder = shared_data / "coco" / "panoptic_sample"
    (path,) = (one for one in folder.rglob("panoptic_examples.json"))
    document = json.loads(path.read_bytes())
    pictures = path.parent / "panoptic_examples"
    categories = document["categories"]
    for entry in document["annotations"]:
        png = read_png(pictures / entry["file_name"]).array[..., :3]
        read = dl.AnnotationCollection.from_panoptic(png, entry["segments_info"], categories)
        names = {one["name"]: one["id"] for one in categories}
        picture = render.panoptic(read, names)
        assert_array_equal(picture.rgb, png)
        ours = [{k: one[k] for k in ("id", "category_id", "iscrowd", "bbox", "area")}
                for one in picture.segments_info]  # fmt: skip
        theirs = [{k: one[k] for k in ("id", "category_id", "iscrowd", "bbox", "area")}
                  for one in entry["segments_info"]]  # fmt: skip
        assert ours == theirs


def test_semantic_maps_hold_the_ids_of_categories(shared_data: Path) -> None:
    path = shared_data / "coco" / "coco_mini" / "instances_val2017.json"
    document = json.loads(path.read_bytes())
    ids = {one["name"]: one["id"] for one in document["categories"]}
    for _, annotations in dl.Dataset.open(path):
        found = render.label_ids(annotations, ids)
        used = {ids[one.label] for one in annotations}
        assert set(np.unique(found).tolist()) <= used | {0}
