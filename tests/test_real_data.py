"""Every real COCO, YOLO and VOC folder: recognised, counted, converted, nothing lost silently."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from real_sets import SETS, RealSet

from dlgeom.converters.pipeline import convert, open_dataset
from dlgeom.converters.registry import recognise
from dlgeom.converters.survey import survey
from dlgeom.errors import FormatError

pytestmark = pytest.mark.shared
OTHERS = {"coco": ("yolo", "voc"), "yolo": ("coco", "voc"), "voc": ("coco", "yolo")}
PATHS = ("images", "names")


def settings(entry: RealSet, shared: Path) -> dict[str, Any]:
    return {
        key: str(shared / value) if key in PATHS else value for key, value in entry.options.items()
    }


def by_path(path: str) -> RealSet:
    return next(entry for entry in SETS if entry.path == path)


def load(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


@pytest.mark.parametrize("entry", SETS, ids=lambda entry: entry.path)
def test_real_folder_is_recognised_and_counted(entry: RealSet, shared_data: Path) -> None:
    path = shared_data / entry.path
    assert recognise(path).name == entry.format
    facts = survey(path, on_error="skip", **settings(entry, shared_data))
    assert (facts.format, facts.images, facts.annotations, facts.skipped) == (
        entry.format,
        entry.images,
        entry.annotations,
        entry.skipped,
    )


CONVERTED = [
    (entry, target)
    for entry in SETS
    if "results/" not in entry.path and entry.convertible
    for target in OTHERS[entry.format]
]


@pytest.mark.parametrize(
    ("entry", "target"), CONVERTED, ids=[f"{entry.path}-{target}" for entry, target in CONVERTED]
)
def test_real_folder_converts_there_and_back(
    entry: RealSet, target: str, shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / entry.path
    options = settings(entry, shared_data)
    there = tmp_path / ("there.json" if target == "coco" else "there")
    copy: dict[str, Any] = {}
    if target == "yolo" and "classification" in entry.path:
        copy = {"image_files": "copy"}
    if target == "voc" and "taco" in entry.path:
        # Masks of 1,500 photographs of 8 megapixels take minutes to compress.
        copy = {"task": "detect"}
    first = convert(path, there, to_format=target, on_error="skip", **copy, **options)
    assert first.read == entry.annotations + entry.skipped
    assert first.read == first.written + first.approximated + first.dropped
    back = tmp_path / ("back.json" if entry.format == "coco" else "back")
    if first.task == "classify":
        return
    if first.read == first.dropped:
        return
    second = convert(there, back, to_format=entry.format, on_error="skip")
    assert second.skipped == 0, second.table()
    assert second.images == first.images
    kept = first.written + first.approximated
    assert second.read == kept, (first.table(), second.table())


def test_a_picture_of_another_size_costs_its_file_only(shared_data: Path, tmp_path: Path) -> None:
    report = convert(
        shared_data / "coco/datumaro/coco_panoptic",
        tmp_path / "o",
        to_format="yolo",
        on_error="skip",
    )
    assert (report.read, report.written, report.files_skipped) == (2, 2, 1)
    assert ("file", "image.size_disagrees") in report.codes


def test_boxes_without_any_image_size_ask_for_the_images(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "voc/datumaro/voc_dataset2"
    for target in ("coco", "yolo"):
        with pytest.raises(FormatError, match="--images"):
            convert(source, tmp_path / target, to_format=target, on_error="skip")
        assert not (tmp_path / target).exists()


# -- the hundred images that exist in several formats -------------------------------------------


def boxes_of(shared: Path, path: str) -> dict[str, list[tuple[Any, ...]]]:
    entry = by_path(path)
    found: dict[str, list[tuple[Any, ...]]] = {}
    options = settings(entry, shared)
    for item, annotations in open_dataset(shared / path, on_error="skip", **options):
        stem = (item.name or "").rpartition("/")[2].rpartition(".")[0]
        found[stem] = sorted(
            (a.label, *np.round(a.stored_bounds or a.annotation_definition.bounds, 6).tolist())
            for a in annotations
        )
    return found


@pytest.mark.parametrize(
    ("path", "atol"),
    [
        ("voc/voc100/cvat_voc_export", 0.0),
        ("coco/voc100_coco/coco_format_v1", 0.0),
        ("coco/voc100_coco/coco_format_v2", 0.0),
        ("yolo/darknet_voc100", 0.0004),
    ],
)
def test_voc100_is_the_same_in_every_format(path: str, atol: float, shared_data: Path) -> None:
    official = boxes_of(shared_data, "voc/voc100/pascalvoc")
    other = boxes_of(shared_data, path)
    assert sum(map(len, official.values())) == 273
    assert official.keys() == other.keys()
    for stem, rows in official.items():
        assert [row[0] for row in rows] == [row[0] for row in other[stem]]
        mine, theirs = np.array([row[1:] for row in rows]), np.array([r[1:] for r in other[stem]])
        if atol:
            # Close corners may sort differently: compare as sets of nearest boxes.
            gaps = np.abs(mine[:, None] - theirs[None]).max(axis=2).min(axis=1)
            assert gaps.max() <= atol
        else:
            assert np.array_equal(mine, theirs)


# -- COCO to COCO -------------------------------------------------------------------------------


def coco_files(shared: Path) -> list[Path]:
    folder = shared / "coco"
    return sorted(
        path
        for path in folder.rglob("*.json*")
        if not {"results", "panoptic_sample", "voc100_dets"} & set(path.parts)
        and "panoptic" not in path.name
        and "2ch" not in path.name
    )


def coco_names() -> list[str]:
    from trust.corpora import shared_root

    root = shared_root()
    return [str(path.relative_to(root)) for path in coco_files(root)] if root.is_dir() else []


@pytest.mark.parametrize("name", coco_names())
def test_coco_to_coco_gives_the_same_values(name: str, shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / name
    target = tmp_path / "out.json"
    report = convert(source, target, from_format="coco", on_error="skip")
    before, after = load(source), load(target)
    if report.skipped:
        assert len(after["annotations"]) == len(before["annotations"]) - report.skipped
        return
    assert json.dumps(after) == json.dumps(before)
    if after.get("categories") and after.get("annotations"):
        with contextlib.redirect_stdout(io.StringIO()):
            COCO(str(target))


# -- masks through YOLO -------------------------------------------------------------------------


def rle_of(record: dict[str, Any], height: int, width: int) -> bytes | None:
    """The mask of a record as pycocotools has it, as a string."""
    segmentation = record.get("segmentation")
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        parts = coco_mask.frPyObjects(segmentation, height, width)
        return coco_mask.merge(parts)["counts"]
    if isinstance(segmentation["counts"], list):
        return coco_mask.frPyObjects(segmentation, height, width)["counts"]
    # Strings that are not canonical are read once by pycocotools.
    return coco_mask.encode(coco_mask.decode(segmentation))["counts"]


MASKED = [
    "coco/coco_mini",
    "coco/keypoints_2213",
    "coco/person_1045",
    "coco/taco",
    "coco/lvis_val_100",
    "coco/panoptic_val100",
    "coco/labelme_coco",
    "coco/datumaro/coco_instances",
    "coco/results/instances_val2014_fakesegm100_results.json",
]


@pytest.mark.parametrize("path", MASKED)
def test_coco_to_yolo_segment_and_back_keeps_every_mask(
    path: str, shared_data: Path, tmp_path: Path
) -> None:
    entry = by_path(path)
    plain, there, back = tmp_path / "plain.json", tmp_path / "yolo", tmp_path / "back.json"
    options: dict[str, Any] = {"coco_task": "instances"}
    convert(shared_data / path, plain, on_error="skip", **options)
    report = convert(plain, there, to_format="yolo", task="segment", on_error="skip")
    convert(there, back, on_error="raise")
    before, after = load(plain), load(back)
    sizes = {image["id"]: (image["height"], image["width"]) for image in before["images"]}
    names = {image["id"]: image["file_name"] for image in before["images"]}
    again = {image["id"]: image["file_name"] for image in after["images"]}
    assert sorted(set(names.values())) == sorted(again.values())
    assert [(c["id"], c["name"]) for c in before["categories"]] == [
        (c["id"], c["name"]) for c in after["categories"]
    ]
    masks: dict[str, list[Any]] = {name: [] for name in names.values()}
    boxes: Counter[str] = Counter()
    for record in before["annotations"]:
        mask = rle_of(record, *sizes[record["image_id"]])
        empty = (
            mask is not None
            and coco_mask.area({"size": sizes[record["image_id"]], "counts": mask}) == 0
        )
        if mask is not None and not empty:
            masks[names[record["image_id"]]].append((record["category_id"], mask))
        elif mask is None and "bbox" in record:
            boxes[names[record["image_id"]]] += 1
    size_of = {image["id"]: (image["height"], image["width"]) for image in after["images"]}
    found: dict[str, list[Any]] = {name: [] for name in again.values()}
    for record in after["annotations"]:
        mask = rle_of(record, *size_of[record["image_id"]])
        if mask is not None and coco_mask.area(
            {"size": size_of[record["image_id"]], "counts": mask}
        ):
            found[again[record["image_id"]]].append((record["category_id"], mask))
    assert sum(map(len, masks.values())) > 0
    for name, rows in masks.items():
        extra = Counter(found[name])
        extra.subtract(rows)
        assert min(extra.values(), default=0) >= 0, (name, report.table())
        # A record without a mask is in YOLO as the outline of its box.
        assert extra.total() == boxes[name], (name, report.table())
    assert entry.images == len(again)
